# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
#   named_surprise: >-
#     A competent guess: skew means that somebody wrote a bug, and the column that moved most does
#     most harm. What happens: no line of code differs, a feature table is one day older, and on
#     identical rows nineteen twentieths of the lift are gone, while amounts in cents, with twice the
#     PSI, cost a quarter. The repair is no fresher table: trained on its own log, the same old
#     table wins most of it back, here two thirds.
# ---

# %% [markdown]
# # 03 · Deployment and skew
#
# *Monday, 08:50.* Over the weekend the model went behind a server. The file has the same checksum as in the notebook. The code review had no findings. At ten to nine the head of payments
# forwards two numbers, the notebook's and last week's, and asks one question: *Which of you changed something?*
#
# Nobody did. You have forty minutes to show where the difference comes from, and what it costs.

# %%
import inspect

import numpy as np
import pandas as pd

import mlsys_lessons as mls
from mlsys_lessons import charts, claims, warehouse
from mlsys_lessons.components.inference.metrics import auc
from mlsys_lessons.experiments.training_tables import logged_table, naive_trained_on
from mlsys_lessons.lessons import excerpt, five_questions, runbook, stored_claims
from mlsys_lessons.lessons.expectation import expect
from mlsys_lessons.lessons.lesson03 import answers, shadow_mode, skew, skew_inspector
from mlsys_lessons.lessons.lesson03.questions import bet1, bet2, bet3, q1, q2, q3, q4
from mlsys_lessons.serving import Client, serve, transactions, warmed

# %% [markdown]
# ## Is it the server?
# Begin with the suspect that everybody names first. `serve` starts a real HTTP server on this machine: a port, JSON, a decision log. Send it the first payments of the first day, and compare its
# scores with those of the same system called as a function.

# %%
SEED = 7

# %%
world = mls.payments_world(seed=SEED, daily=1_000)
system = mls.assemble({"model", "features"}, seed=SEED)
live = mls.simulate(world, system, days=60)

bodies = transactions(world.day(0, world.start()).requests.head(200), virtual=True)
with serve(warmed(world, system), virtual=True) as url, Client(url) as client:
    decided = pd.DataFrame(client.decide(bodies))

scores = live.log["score"].head(200)
print("the server's scores are the function's, bit for bit:", scores.eq(decided["score"]).all())

# %% [markdown]
# Not the server, then. A model is a function of its features; so ask where they come from.
#
# ## Two pipelines
# In service, features come from memory: an event arrives, counters move. For training they come from the warehouse, in SQL. The next cell shows one step of it as it is, the customer's last hour, day, week and
# month before each payment, and compares all sixteen features of the two.

# %%
print(excerpt.sql_step("history", "by_event"), "\n")
past = world.history(60)
columns = list(past.requests.columns)
events = pd.concat([past.requests, live.log[columns]], ignore_index=True)
labels = pd.concat([past.labels, live.labels], ignore_index=True)
with warehouse.Warehouse() as house:
    offline = house.offline_features(events, labels).tail(len(live.log))
apart = np.abs(offline[skew.FRAME].to_numpy() - live.log[skew.FRAME].to_numpy()).max()
print("sixteen features, SQL against memory, agree to a billionth:", bool(apart < 1e-9))

# %% [markdown]
# Two implementations, one meaning, and a test that holds them together. Without the test you have two implementations.
#
# ## Your bets
# From here on rows, labels, model and cut stay what they are. Only the features that are served change. The price is the **lift**, as this course uses the word: the euros per 1,000 payments that the model earns
# beyond approving everything.
#
# Four things that happen to decent teams: *amounts in cents*; *30 % unanswered, filled with 0*, where a look-up times out and somebody fills the gap; *a table one day older*, when the nightly job reads the backup of the night before;
# *a third of the events come twice*. Which costs most? And of 100 euros of lift, how many are left with the older table?

# %%
bet1.guess(...)  # one of the four; a word that only one of them has is enough
bet2.guess(...)  # of 100 euros of lift, how many are left with the table one day older

# %% [markdown]
# ## Four causes
# Skew has four: **another pipeline** (a table where there was memory), **other preprocessing** (cents, a forgotten logarithm), **missing values** that somebody fills, and the **mess of the real world**, which
# the warehouse has tidied up by the time you train. Two of each, on identical rows, in the same metric and in money. PSI, the population stability index, is the usual measure of how far a column
# has moved; its textbook alarm is at 0.25.

# %%
same = skew.SameRows.of(live)  # the rows, with the model and the cut that answered them
damage = skew.damage(same)
print(inspect.getsource(skew.damage))
shown = damage[["cause", "AUC", "lift", "blocked", "largest PSI"]]
shown.round({"AUC": 3, "lift": 0, "largest PSI": 2})

# %%
lost = (100 * damage["lost"].astype(float)).round().astype(int)
older, moved, worst = "a table one day older", damage["largest PSI"].idxmax(), lost.idxmax()
title = f"What moved most, {moved}, cost {lost[moved]} % of the lift; what cost most, {worst}, {lost[worst]} %"
charts.show(skew.damage_chart(damage, title), alt=f"Per cent of the lift lost: {lost.to_dict()}")
most = lost[list(bet1.choices)].idxmax()
bet1.reveal(most, "No line of code differs from the one that was reviewed." if most == older else "")
bet2.reveal(100 - int(lost[older]), "Every number in that table was true, yesterday.")
expect(
    worst == older != moved, "in most worlds the older table costs most, and another mistake moves most",
    "where a few large frauds make the money, another mistake can hit them harder",
)

# %% [markdown]
# Does a mistake earn money, left of zero? Do not be pleased. Then this is a system in which two errors cancel: scores that have become too high, and a cut that was.
#
# ## Who disagrees
# A drift statistic compares two crowds. Skew is about pairs: one row from two pipelines. Write the comparison: for each column of two tables of the same rows, the share of rows on which they disagree. Two gaps agree; so do two numbers within a billionth of each other. Stuck? `q1.hint()`, then `q1.solution()`.

# %% tags=["exercise"] exercise_id="lesson03.q1"
def differs(offline, online):
    shares = {}
    for name in offline.columns:
        ...
    return pd.Series(shares)

q1.check(differs)

# %% [markdown]
# The share of rows that differ on the old table, beside PSI, and beside the lift that would be left if that one column alone came from the old table. This is the **skew inspector**; it has a text, and a form that says the same.

# %%
inspected = skew_inspector.Inspection(same, mistake=older, column="recency_hours")
half = inspected.table[inspected.table["rows"] > 0.5]
print(inspected)
print(f"{len(half)} columns differ on more than half of the rows; in {(half['PSI'] < 0.25).sum()} of them PSI is silent")
skew_inspector.widget(same)

# %% [markdown]
# A column can differ on most rows with a PSI of next to nothing: everybody in the crowd has changed places. Choose *last midnight's table* in the form: the same columns, one day fresher. What did the day cost?
#
# ## Open the bonnet
# Here is what the fault does that made the table older, whole, and what becomes of one column.

# %%
print(excerpt.inner_function(mls.faults.stale_features, "change"), "\n")
since = {"in training": same.online, "in service": inspected.features}
least = {name: round(float(table["recency_hours"].min()), 1) for name, table in since.items()}
print("least hours since the last payment:", least)

# %% [markdown]
# Not one of these lines is wrong. The table above says what the column *how long ago was the last payment* costs alone. In a table that ends a day early nobody has paid
# within the last day, and what the model has learned about those who have is never asked for.
#
# ## How sure?
# Does AUC fall by more than chance? Two AUCs with an interval each would overlap; pair them, fraud by fraud. AUC is an average over the frauds of their **placement values** (DeLong and others, 1988): for each fraud the share of genuine payments with a
# lower score, ties counted half. Write for each fraud its placement value offline less the one online; `fraud` is a mask.

# %% tags=["exercise"] exercise_id="lesson03.q2"
def placement_gaps(offline, online, fraud):
    def place(scores):
        genuine = np.sort(scores[~fraud])
        ...

    return place(offline) - place(online)

q2.check(placement_gaps)

# %% [markdown]
# One pipeline more belongs into this picture: a warehouse that is wrong itself. The classic is *today's label*: risks joined from the label table as it is now, so that each old row knows how its
# own shop went on. A model is fitted on that table; offline it reads the same table, online it reads memory. This step has no clock in it:

# %%
print(excerpt.sql_step("todays_label", "known_today"))
wrong, leaky = skew.sql_notebook(same, "todays_label")

# %%
pairs = {name: (same.model, same.online, same.features(name)) for name in damage.index[[1, 2, 3, 6]]}
pairs["today's label in the SQL"] = (wrong.model, leaky, same.online)
gaps = {}
for name, (model, here, there) in pairs.items():
    gap = answers.placement_gaps(model.predict(here), model.predict(there), same.fraud)
    gaps[name] = skew.gap_interval(gap)
gaps, unit = pd.DataFrame(gaps).T.sort_values("effect", ascending=False), "AUC, offline - online"
title = f"In {(gaps['low'] > 0).sum()} of {len(gaps)} pairs offline promises more than online keeps"
charts.show(charts.bars_with_intervals(gaps, title=title, unit=unit), alt=f"AUC gaps: {gaps['effect'].round(3).to_dict()}")
print(f"most AUC lost: {gaps.index[0]}; most money lost: {worst}")

# %% [markdown]
# Two of these pairs are the classics: the right model behind an old table, and the leaking table behind the right server. Same model, same rows, same labels. Where an interval is clear of zero, the offline number is not optimistic: it belongs
# to another system. And compare the two names below the figure. AUC may send you to another mistake than the money does.
#
# ## The fixes that most teams make
# *Choose the cut again.* Grant it more than anybody has: the best cut in hindsight. *Buy a fresher table*: every midnight, on time.

# %%
old = inspected.features
scores = same.scores(old)
fixes = pd.Series({
    "as it is": same.lift(scores),
    "the best cut in hindsight": same.lift(scores, same.best_cut(scores)),
    "a table on time": damage.loc["last midnight's table", "lift"],
    "exact history": damage.loc["none", "lift"],
}, name="euros per 1,000 payments")
fixes.round().astype(int).to_frame().assign(back=(fixes - fixes.iloc[0]).round().astype(int))

# %% [markdown]
# How much of the loss does either bring back? Neither asks the one question: why is the model *trained* on other numbers than it is *served*?
#
# ## The repair
# The log of a run holds the features that were served, beside the score. Let the naive system run on the old table, and score its rows twice: once more from the warehouse, whose SQL is right, and from its own log.

# %%
stale = mls.faults.stale_features(start=0, end=60, severity=1)
old_run = mls.simulate(world, mls.naive_system(seed=SEED), days=60, faults=[stale])
old_rows, online = skew.SameRows.of(old_run), old_run.log["score"].to_numpy()
for name, table in {"warehouse": old_rows.rows.features(), "log": old_rows.online}.items():
    scores = old_rows.scores(table)
    gap = auc(scores, old_rows.fraud) - auc(online, old_rows.fraud)
    print(f"{name:9}  the online scores, bit for bit: {np.array_equal(scores, online)}, gap in AUC {gap:.3f}")
earned = {"naive, table on time": mls.simulate(world, mls.naive_system(seed=SEED), days=60), "old table": old_run}
print("euros in sixty days:", {name: round(run.value / 100) for name, run in earned.items()})

# %% [markdown]
# From the log the gap is zero, and not nearly: there is one pipeline left, and it has already run. The right SQL is the wrong number here; it holds what should have been served.
#
# So train on the log. `logged_table` is half a year of rows as a server logs them that reads a table one day old. Nothing gets fresher. You have just read what the older table costs in sixty days: how much of it comes back when the same recipe is fitted on that log and
# the table *stays as old*?

# %%
bet3.guess(...)  # "hardly any", "about half" or "nearly all or more"

# %%
retrained = naive_trained_on(logged_table(SEED, age=1), seed=SEED)
earned["old table, trained on its log"] = mls.simulate(world, retrained, days=60, faults=[stale])
on_time, aged, repaired = (run.value / 100 for run in earned.values())
title = f"Trained on its log, the old table earns {repaired - on_time:+,.0f} euros against one on time"
lines = {name: run.value_by_tick().cumsum() for name, run in earned.items()}
ends = [round(euros) for euros in (on_time, aged, repaired)]
charts.show(charts.value_over_time(lines, title=title), alt=f"Euros: {ends}, in that order.")
back = (repaired - aged) / max(on_time - aged, 1)
amount = "hardly any" if back < 0.25 else "about half" if back < 0.75 else "nearly all or more"
bet3.reveal(amount, "The table is as old as before. What was repaired is the difference, not the age.")
usual = "in most worlds the older table costs money, and training on its log brings most of it back"
expect(on_time > aged and back > 0.5, usual, "sixty days hold few frauds, and one fit differs from the next")

# %%
c6 = claims.stored("C6")
print(stored_claims.told(c6))
for effect in c6.effects:
    print(f"    {effect.name}: {effect.interval} {effect.unit}; asked for {effect.threshold:g}")

# %% [markdown]
# One world is an anecdote; these are the claim's. Each number had been asked for before the first run, and a claim that fails stays in the list as failed. The loss is smaller than on your rows, because it is counted for a whole system and against a table of last midnight, not against exact history.
# The second effect needs no table at all: it is the same code, trained on one random half of the same history or on the other half.
#
# ## Shadow mode
# You do not put a retrained model in service because a notebook says so. You let it stand in the **shadow**: it is asked about every live row, and never heard. The whole of it is one line more at the model's stage.

# %%
print(inspect.getsource(shadow_mode.ShadowInference.__call__))
longer, shipped = mls.faults.stale_features(start=0, end=75, severity=1), mls.naive_system(seed=SEED)
beside = shadow_mode.shadowed(shipped, retrained.inference.model)
first = mls.simulate(world, beside, days=75, faults=[longer])
actions = first.log["action"].head(len(old_run.log))
print("in the first sixty days the shadow changed no action:", actions.equals(old_run.log["action"]))
forward = shadow_mode.shadow(first, cut=retrained.decisions.cut)
swapped = shadow_mode.shadowed(retrained, shipped.inference.model)
backward = shadow_mode.shadow(mls.simulate(world, swapped, days=75), cut=shipped.decisions.cut)
print(f"trained on the log, in the notebook's shadow: {forward}")
print(f"the other way round, with a table on time:    {backward}")

# %% [markdown]
# Now compare before you switch. Where both would do the same nothing changes. Where only the challenger blocks, the payment went through and its label is known: a fraud more saves its loss, a genuine one more costs its margin and
# the friction. Where only the champion blocks, `label` is NaN: a blocked payment never gets one. Return the least and the most cents that switching would have earned.

# %% tags=["exercise"] exercise_id="lesson03.q3"
def switch_bounds(label, cents, champion, challenger):
    margin, loss = mls.COSTS.margin(cents), mls.COSTS.fraud_loss(cents)
    stopping_genuine = margin + mls.COSTS.friction
    more = challenger & ~champion  # blocked in addition: their labels are known
    freed = champion & ~challenger  # approved in addition: nobody knows
    known = ...
    return ..., ...

q3.check(switch_bounds)

# %%
rows = {}
for name, shadow in {"notebook -> retrained": forward, "retrained -> notebook": backward}.items():
    low, high = answers.switch_bounds(*shadow.views)
    rows[name] = {"at least": low, "at most": high, "in truth": shadow.in_truth}
(pd.DataFrame(rows).T / 100).round().astype(int).rename_axis("euros that switching would have earned")

# %% [markdown]
# Where the challenger stops more, it can be judged in the shadow: those payments went through. Where it lets go what the champion blocks, it cannot: the champion has hidden the label, and the two bounds lie far apart. The last column belongs to the simulator; labels
# differ from it, because a fraud that nobody reports counts as genuine.
#
# ## Earn with an old table
# The nightly job will run a day late all quarter. You have the log.

# %%
q4

# %% tags=["exercise"] exercise_id="lesson03.q4"
def my_system(seed, logged):
    rows = mls.presets.training_rows(logged)
    model = ...
    system = mls.assemble({"model"}, seed=seed)
    return system.with_(model=model)

q4.check(my_system)

# %% [markdown]
# ## Where does it stop being true?
# Five pairs of pipelines in other worlds, an ordinary year with its incidents: how much better the model looks offline than it is online. The control is the replay of the log, and its own gap is taken off: an incident may put another model in service, which is no pipeline's doing.

# %%
c5 = claims.stored("C5")
gaps = stored_claims.effects(c5).sort_values("effect", ascending=False)
axes = charts.bars_with_intervals(
    gaps, unit="AUC, offline - online",
    title=f"{(gaps['low'] > 0).sum()} of {len(gaps)} pipelines look better offline than they are",
)
charts.show(axes, alt=f"AUC gaps by pipeline: {gaps['effect'].round(3).to_dict()}")
print(stored_claims.told(c5), f"each gap must exceed {c5.effects[0].threshold:g}", sep="\n    ")
table = c5.table[c5.table["incidents"] == 1].set_index("pipelines")
table[["offline_auc", "online_auc", "lost"]].round(3).rename(columns={"lost": "euros lost"})

# %% [markdown]
# The claim asks for more than a gap that is clear of zero: each must surely be as large as it says. Then read the first two columns by themselves. A small gap says that little differs. It does not say that either side is good.
#
# ## Your runbook line
# The notebook's number and last week's number differ, and nobody changed anything. Which signal would have said so on the first day, who owns it, what do they do, how do they go back?

# %%
runbook.add("lesson03", signal=..., owner=..., action=..., rollback=...)
five_questions.answer("lesson03", 1, ...)  # where does the data come from?

# %% [markdown]
# ## Carry it home
# - Take one feature of a model of yours. Where is it computed for training, where in service, and who would notice if one of the two were a day older?
# - Do you log the features that were served, or only the score?
#
# *Read on:* Zinkevich, *Rules of machine learning* (rules 29 to 37: log the features at serving time). Breck and others, *Data validation for machine learning* (2019): skew row by row.
#
# Next: `04_traffic_and_failure`.
