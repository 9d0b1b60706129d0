# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
#   named_surprise: >-
#     A competent guess: performance that is estimated without labels falls when the model breaks, and
#     is at worst late. What happens: a third of all payments get no answer but a confident zero; the
#     true AUC falls from .85 to .65, and the estimate rises from .88 to .92. It believes the model,
#     and a model that is sure of nothing but its zeros has never looked better.
# ---

# %% [markdown]
# # 08 · Silent degradation
#
# *Thursday, 10:05.* The review of the quarter. On the wall the dashboard is green, as it has been for eleven weeks: every payment answered, no errors, nobody waiting. The head of payments looks at it for
# a while and asks the only question of the morning.
#
# "If it were wrong, what would be different on this screen?"

# %%
import inspect

import numpy as np
import pandas as pd

import mlsys_lessons as mls
from mlsys_lessons import charts, claims
from mlsys_lessons.components.monitoring.performance import expected_confusion
from mlsys_lessons.lessons import five_questions, monitoring_charts, runbook, stored_claims
from mlsys_lessons.lessons.expectation import expect
from mlsys_lessons.lessons.lesson08 import answers, blind_spot, green_page, three_lives
from mlsys_lessons.lessons.lesson08.questions import bet1, bet2, bet3, bet4, q1, q2, q3, q4

# %% [markdown]
# ## Two green pages
# Two real servers stand side by side on this machine and answer the same day of payments. On one of them a model file is corrupt on one replica in three: the code around it catches the error, returns the default score, 0, and sends a 200. Below is what their `/metrics` pages say, by the four
# golden signals that every platform team watches: traffic, errors, latency, saturation.

# %%
SEED = 7

# %%
run = three_lives.lived(three_lives.NOBODY, SEED, three_lives.the_fault(), days=three_lives.BREAKS, keep="log")
edges = green_page.of_two(run)
pd.DataFrame({name: green_page.signals(edge["page"]) for name, edge in edges.items()})

# %%
bet1.guess(...)  # "A", "B" or "nobody can tell"

# %%
broken, sound = sorted(edges, key=lambda name: not edges[name]["broken"])
lost = (edges[sound]["cents"] - edges[broken]["cents"]) / 100
signals = [green_page.signals(edges[name]["page"]) for name in "AB"]
bet1.reveal("nobody can tell" if signals[0].equals(signals[1]) else broken, f"{broken} is the broken one.")
dear = "what a score would have stopped went through", "no large fraud met a zero, and a zero blocks nobody"
print(f"the day is worth {edges[sound]['cents'] / 100:,.0f} euros on {sound}", end=", ")
print(f"{abs(lost):,.0f} euros {'less' if lost > 0 else 'more'} on {broken}: {dear[lost <= 0]}")
for name in "AB":
    print(name, edges[name]["actions"].value_counts().to_dict())

# %% [markdown]
# Every payment was answered in time. That is all the page was asked. The actions are counted on it too, and differ by a handful; on a single day nobody knows how many are usual. Nor does a day's money tell: where no large fraud comes, a zero is even a little cheaper than a score. The bill comes on the day that brings one.
#
# What asks about the *answers* is a second page. It is written when the day has closed: five layers of metrics, each held against its own last weeks, and somebody's name beside what is out of line. Here it is, from the same two servers, one midnight later.

# %%
from mlsys_lessons.serving.board import RaisedAlert

for name, edge in edges.items():
    print(f"{name}, /v1/monitoring, day {edge['board']['day']}:")
    print(*[f"    {RaisedAlert(**alert)}" for alert in edge["board"]["alerts"]] or ["    all quiet"], sep="\n")

# %% [markdown]
# ## Nobody looks
# Now let it go on. The monitors measure and their rules fire, as they just did; only nobody has agreed to be called. There are three other ways for a business to notice: finance compares a month's disputes with the months before, customers call, or somebody stumbles on it. It broke on day 24, and you
# watch for six weeks.

# %%
bet2.guess(...)  # days, 42 if never

# %%
run = mls.resume(run, days=three_lives.DAYS - run.days)
twin = three_lives.lived(three_lives.NOBODY, SEED)  # the same weeks with nothing wrong
life, broke = three_lives.priced(run, twin), three_lives.BREAKS
waited = min(life.noticed or run.days, run.days) - broke
over = min(life.fault.end, run.days)
window = [(broke, over, "a third of the scores is 0")]
title = f"The scores ring on day {life.seen.get('outputs', 0) - 1}; somebody looks up {waited:.0f} days after it broke"
layers = list(mls.records.LAYERS)
axes = monitoring_charts.layer_strip(run.alerts, layers=layers, title=title, days=run.days, windows=window)
charts.show(axes, alt=f"Alerts by layer and day; first {dict(life.seen)}, noticed after {waited:.0f} days.")
bet2.reveal(round(waited), f"Noticed by {life.noticed_by or 'nobody'}; it cost {-life.cents.sum() / 100:,.0f} euros.")
expect(waited > 7, "in most worlds nobody notices for weeks", "somebody happened to look")

# %%
blind_spot.five_layers(run, broke + 1, before=broke)

# %% [markdown]
# One row of the figure is what most companies have: the first one. It never rang, and it was right: the service answered. The table is the same morning in numbers: one line a layer, in the order in which a fault flows, with the metric that is furthest from its own habit, in units of its own day-to-day noise. Two
# noises away is nothing to say.
#
# ## The estimate
# The true quality of a fraud model is known in six weeks, when the labels are in. So the field estimates it. A calibrated score is a probability, and probabilities carry their own confusion matrix: of a hundred payments scored .2, twenty are frauds. Add them up and you have precision, recall, and the
# area under the curve, tonight, without one label. It is called **confidence-based performance estimation**, CBPE, and it is good: where customers change and fraud does not, it follows.
#
# The true AUC of this model is about to fall by a fifth. What does the estimate do?

# %%
bet3.guess(...)  # "falls", "stays" or "rises"

# %%
auc = blind_spot.auc_by_day(run)
before, since = auc.loc[: broke - 1].mean(), auc.loc[broke : int(over) - 1].mean()
moved = since - before
title = (f"Estimated AUC {before['estimated']:.2f} to {since['estimated']:.2f}, "
         f"true AUC {before['true']:.2f} to {since['true']:.2f}")
axes = charts.metric_over_time(
    {"estimated": auc["estimated"], "truth": auc["true"]}, title=title, unit="AUC of the day", windows=window,
)
charts.show(axes, alt=title)
direction = np.select([moved["estimated"] > 0.01, moved["estimated"] < -0.01], ["rises", "falls"], "stays")
bet3.reveal(str(direction), "The model has never been so sure of itself.")
expect(moved["estimated"] > 0 > moved["true"], "in most worlds the estimate rises", "the spell was short")

# %% [markdown]
# Now look at the function that adds it up. Which line asks what really happened? Below it: both numbers by arithmetic, and a perfect score that is blurred by more and more noise.

# %%
print(inspect.getsource(expected_confusion))
share = life.fault.severity
for name in ("estimated", "true"):
    formula = blind_spot.silent_share(before[name], share)[name == "true"]
    print(f"{name}: {since[name]:.3f}; by arithmetic, from {before[name]:.3f} and a third of zeros: {formula:.3f}")
noises = (0.0, 0.3, 0.6, 0.9, 1.2)
blurred = pd.DataFrame([blind_spot.confused(noise, SEED) for noise in noises], columns=["estimated AUC", "true AUC"])
blurred.index = pd.Index(noises, name="noise in the log-odds")
expect(blurred["estimated AUC"].is_monotonic_increasing and blurred["true AUC"].is_monotonic_decreasing,
       "noise raises the estimate and lowers the truth", "never")  # fmt: skip
blurred.round(3)

# %% [markdown]
# None does. A payment scored 0 claims to be genuine, and ranks last; the estimate books it as a genuine payment found. In truth it holds its share of the frauds. It does not take a corrupt file: noise moves scores apart, and scores that lie apart are what confidence looks like.
#
# Remember the shape of it: an estimate sees what the *inputs* do to the scores. It is blind wherever the scores themselves have stopped meaning what they say.
#
# ## In money
# The same idea in the only unit that the head of payments reads. Write it.

# %%
q2

# %% tags=["exercise"] exercise_id="lesson08.q2"
def estimated_cents(chance, blocked, cents):
    ...

q2.check(estimated_cents)

# %%
# Our version of it, a day before and since: believed by the model, and by the world.
log = run.log[~run.log["is_duplicate"] & run.log["score"].notna()]
truth = run.truth().loc[log["request_id"]]
blocked, cents = log["final_action"].eq("block").to_numpy(), truth["true_amount_cents"].to_numpy()
day = (log["arrival_time"] - run.log["arrival_time"].min().normalize()).dt.days.to_numpy()
spells = {"before": day < broke, "since": (day >= broke) & (day < over)}
for name, spell in spells.items():
    beliefs = (log["score"].to_numpy(), truth["true_probability"].to_numpy())
    sums = [answers.estimated_cents(p[spell], blocked[spell], cents[spell]) for p in beliefs]
    model, world = (total / 100 / len(np.unique(day[spell])) for total in sums)
    print(f"{name}: {model:,.0f} euros a day by the model, {world:,.0f} in truth")

# %% [markdown]
# ## "Then we wait for the labels"
# That is the honest alternative, and it has a trap of its own. A payment of this morning has no complaint yet. Count the frauds of the last 30 days by the reports that are in, at a mean delay of 20 days, and you see less than half of them. Each fresh window looks better than the one before. Write the
# correction.

# %%
q1

# %% tags=["exercise"] exercise_id="lesson08.q1"
def true_rate(age, reported, tau):
    ...

q1.check(true_rate)

# %%
luck = np.random.default_rng(SEED)
age = luck.uniform(0, 30, 400_000)
reported = (luck.random(len(age)) < 0.02) & (luck.exponential(20, len(age)) <= age)
seen, corrected = reported.mean(), answers.true_rate(age, reported, 20)
print(f"2.00 % are frauds; counted {seen:.2%}, corrected {corrected:.2%}")
print(f"counted over true: {seen / 0.02:.3f}; closed form: {1 - 20 / 30 * (1 - np.exp(-30 / 20)):.3f}")

# %% [markdown]
# The correction has no bias. It has a delay, which nothing can correct: what began this week rests on a handful of reports.
#
# ## Three lives
# So somebody has to be called on the first night, by a number that does not need labels. Here is the same incident again. World, thieves and luck stay; who hears of the alert changes.
#
# 1. **Nobody looks**: the life you have just watched.
# 2. **Alerts without an owner**: the rules fire into a channel. Somebody takes the case in working hours, finds whose it is, looks for the cause.
# 3. **Alerts with an owner**: a name and a runbook line beside each rule.
#
# Of 100 euros that nobody looking costs, how many do alerts without an owner save?

# %%
bet4.guess(...)  # of 100 euros

# %%
lives = {three_lives.NOBODY: life}
for arm in (three_lives.NO_OWNER, three_lives.OWNER):
    lived = three_lives.lived(arm, SEED, three_lives.the_fault(), days=broke + 16)
    lives[arm] = three_lives.priced(lived, twin)
days = {arm: min(one.fault.end, three_lives.DAYS) - broke for arm, one in lives.items()}
price = [-one.cents.sum() / 100 for one in lives.values()]
title = "Days that it lasts: " + "; ".join(f"{arm}, {spell:.0f}" for arm, spell in days.items())
charts.show(charts.life_of_incident(lives, title=title), alt=f"{title}. Euros lost: {np.round(price)}")
kept = 100 * (1 - price[1] / price[0])
bet4.reveal(round(kept), f"With an owner it is {100 * (1 - price[2] / price[0]):.0f}. Look at the days, too.")

# %% [markdown]
# In these prices is everything: also the hours of those who looked into it, and 5 euros a day for somebody who can be called. Where an incident is over in hours, the people are most of its price.
#
# Between the second and the third life lies no better model, no better metric, no faster computer. A rule without an owner starts as everybody's and is taken up by somebody. In this machinery a
# case costs a delay each time that it changes hands, and one that is nobody's changes hands once more (`hand_offs`, three lines).
#
# ## How sure?
# One world is an anecdote. Twenty others, each arm against the same arm without the incident, six weeks from the day on which it broke. A wait that had no end by then counts as six weeks, so the first bar is too short.

# %%
worlds = three_lives.stored()
arms = three_lives.summary(worlds)
title = (f"{arms['to_end'].iloc[0]:.0f} days, {arms['to_end'].iloc[1]:.0f} days, "
         f"{arms['to_end'].iloc[2]:.0f} day: the median life of one incident")
axes = charts.bars_with_intervals(
    arms, title=title, unit=f"euros that the incident cost, mean of {worlds['seed'].nunique()} worlds; left of zero, lost",
)
charts.show(axes, alt=f"Euros: {arms['effect'].round().astype(int).to_dict()}")
lasts = worlds.pivot(index="seed", columns="arm", values="to_end")
longer = (lasts[three_lives.NO_OWNER] > lasts[three_lives.NOBODY]).sum()
print(f"in {longer} of {len(lasts)} worlds an alert without an owner lasts longer than nobody looking")
arms.round(1)

# %% [markdown]
# Read the printed line twice. An alert that somebody has taken, whoever had time for it, is being looked into; so nobody else looks. A channel can be worse than silence: it sounds like an answer.
#
# ## Flip to the truth
# Seven weeks on a desk, A to G. On some something is wrong, on at least one nothing is. You see what the business can see on the last morning: the books, and five layers. Say where it begins and what the week has cost. *Then* turn it over. The text below is week E before and after; the form has them all.

# %%
from mlsys_lessons.lessons.lesson08 import truth_board, unseen_week

board = truth_board.Board("E", SEED)
print(board, "\n")
print(board.commit("inputs", 1_000).flip().back)
truth_board.widget(SEED)

# %% [markdown]
# Week E is one of the loud ones. What did it cost?
#
# ## The note for the next shift
# Which number moved first, who is called, what does a week of not noticing cost? Write the function that answers all three, for weeks of other worlds.

# %%
q3

# %% tags=["exercise"] exercise_id="lesson08.q3"
def handover(run, twin):
    lost = twin.value_by_tick() - run.value_by_tick()
    week = ...  # euros of the last seven days
    alerts = run.alerts
    if len(alerts) == 0:
        return "nothing", "nobody", week
    ...

q3.check(handover)

# %%
calm, rows = unseen_week.calm(SEED), {}
for letter in unseen_week.WEEKS:
    week = unseen_week.week(letter, SEED)
    first, owner, _ = answers.handover(week, calm)
    rows[letter] = {
        "what it was": getattr(next(iter(week.faults), None), "name", "nothing"), "rang first": first,
        "owner": owner, "alerts": len(week.alerts), "euros lost": round(unseen_week.euros_lost(week, calm)),
    }
note = pd.DataFrame(rows).T
loud, dear = note["alerts"].astype(int).idxmax(), note["euros lost"].astype(int).idxmax()
print(f"loudest: {loud}, {note.loc[loud, 'euros lost']:,} euros; dearest: {dear}, {note.loc[dear, 'alerts']} alerts\n")
note

# %% [markdown]
# The price is what the week should cost, luck left out. How loud it is and how dear it is are two lists. A contract catches a whole time zone and shouts, and nothing is lost. The zeros ring one rule in one layer.
#
# ## Sixteen faults, five layers
# Every fault of the catalogue, one at a time, in worlds that no lesson shows: how many days until each layer first speaks? And the sentence that the talk ends this chapter with: what does such a silence cost, in hours of a service that is simply down?

# %%
c17, c18 = claims.stored("C17"), claims.stored("C18")
table = c17.table.assign(days=c17.table["days"].where(c17.table["detected"] >= 0.5))
seen = table.pivot(index="fault", columns="layer", values="days").loc[table["fault"].unique(), layers]
never = seen["operations"].isna().sum()
title = f"Operations never sees {never} of {len(seen)} faults; some layer sees {seen.notna().any(axis=1).sum()}"
axes = charts.heat_map(seen, title=title, unit="median days to the first alert")
charts.show(axes, alt=f"Days to the first alert by operations: {seen['operations'].dropna().to_dict()}.")
print(stored_claims.told(c17), *c17.notes[:2], sep="\n    ")
print(stored_claims.told(c18), *c18.notes[:2], sep="\n    ")
print(c18.table.iloc[:, 1:].round(1).to_string(index=False))

# %% [markdown]
# ## Three numbers, and no more
# Nobody can be called for forty rules by heart. Your team has agreed to three. Choose them, with the line that whoever is called follows that night, and live through a bad month in the resilient system.

# %%
q4

# %% tags=["exercise"] exercise_id="lesson08.q4"
def my_runbook():
    import mlsys_lessons as mls

    return {
        ...: [mls.response.roll_back()],
    }

q4.check(my_runbook)

# %% [markdown]
# ## Your runbook line
# The estimate on your dashboard has gone *up*. What do you look at, who owns it, what do you do, how do you go back?

# %%
runbook.add("lesson08", signal=..., owner=..., action=..., rollback=...)
five_questions.answer("lesson08", 4, ...)  # how do we know when the model is wrong?

# %% [markdown]
# ## Carry it home
# - Take the alert that rang last in your team. Whose name stood beside it, and did they know?
# - What does your service send when its model cannot be loaded? Has anybody tried?
#
# *Read on:* Zinkevich, *Rules of machine learning* (rule 10: watch for silent failures; a table was stale for six months). Bialek and others, *Estimating model performance under covariate shift without labels* (2024): what the estimate assumes, and says so.
