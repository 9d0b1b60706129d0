# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
#   named_surprise: >-
#     A competent guess: a feature table that is three days old costs money, so repairing it wins
#     the money back. What happens: once the model has been fitted again on what was logged, the
#     repair of the table brings next to nothing. The system disbelieved the old table, so its log
#     holds gaps, and a model of that log never asks for a history. It is repaired only when the
#     past is repaired too, and that brings all of it.
# ---

# %% [markdown]
# # 05 · Data is the system
#
# *Monday, 08:50.* Six tickets lie on your desk. They come from six teams, and all six say the same: the model is broken. Somebody has already booked a room, to speak about a better one.
#
# Nobody has looked yet.

# %%
import inspect

import numpy as np
import pandas as pd

import mlsys_lessons as mls
from mlsys_lessons import charts, claims
from mlsys_lessons.components.feedback.retraining import TrainingSample
from mlsys_lessons.components.ingestion.contract import PAYMENTS_CONTRACT
from mlsys_lessons.experiments.pasts import trained_on
from mlsys_lessons.lessons import five_questions, runbook, stored_claims
from mlsys_lessons.lessons.expectation import expect
from mlsys_lessons.lessons.lesson05 import answers, contract_editor, four_lives, ticket_desk
from mlsys_lessons.lessons.lesson05.questions import bet1, bet2, bet3, bet4, q1, q2, q3, q4

# %% [markdown]
# ## Six tickets
# Each ticket is a real run: three quiet weeks of a system with every component except the data contract, then four days on which one thing is wrong. Same customers, same thieves, same luck on all six.

# %%
SEED = 7
quiet = ticket_desk.quiet_weeks(seed=SEED)
tickets = ticket_desk.desk(quiet)
for ticket in tickets:
    print(ticket)

# %%
bet1.guess(...)  # how many of the six does a better model cure?

# %% [markdown]
# Below is the evidence of ticket A: the metrics furthest from their own habit, in units of their own day-to-day noise. Look for a decision among them: money is being blocked. That is what the ticket says. It is also where the stream ends. A fault flows downstream.
#
# Write the rule that looks upstream first. Stuck? `q1.hint()`, then `q1.solution()`.

# %%
shown = ticket_desk.largest_shifts(tickets[0], rows=5)
print(shown.map("{:,.2f}".format).to_string())
expect(
    "decisions.blocked_cents" in shown.index, "in most worlds the money that is blocked is far from its habit",
    "a few large payments that were blocked in the quiet weeks hide it",
)
q1

# %% tags=["exercise"] exercise_id="lesson05.q1"
def first_suspect(before, now):
    noise = before.std().clip(lower=0.001)
    far = ...  # how far each metric is from its own habit
    for layer in ("operations", "inputs", "outputs", "decisions"):
        here = far[far.index.str.startswith(layer)]
        ...
    return far.idxmax()

q1.check(first_suspect)

# %%
# Our version of it, on all six. The last column is what we had done to the system.
found = ticket_desk.diagnoses(tickets, answers.first_suspect)
broken = [ticket.fault.seam for ticket in tickets]
data = found["so it is"] == "data"
print(f"{found.to_string()}\n\nwhat was broken: {pd.Series(broken).value_counts().to_dict()}\n")
bet1.reveal(
    broken.count("training"), f"In {data.sum()} the first suspect is a column of the inputs; "
    f"in {', '.join(data.index[~data]) or 'none'} the inputs are calm, and what answers is not.",
)

# %% [markdown]
# That most model incidents are data incidents is said often. These six do not prove it: we chose them. They show something smaller and more useful. Each complaint sounded like a model. Compare it with the first
# thing that was out of line.
#
# ## Who ends it?
# Ticket A once more, and this time nobody has written down when it ends. Choose what your runbook does as soon as somebody is called; below are four choices, doing nothing among them. `mls.response.KINDS` is the whole list.

# %%
mine = mls.response.ask_owner("amount")  # your choice
choices = [mls.response.nothing(), mls.response.retrain(60), mls.response.quarantine("amount"), mine]
opened = mls.faults.unit_change(start=ticket_desk.BREAKS)
healthy = ticket_desk.lived(SEED, None, mls.response.nothing())
ends = {f"{choice}": ticket_desk.lived(SEED, opened, choice).life(0, twin=healthy) for choice in choices}
cost = {name: round(life.cents.sum() / 100) for name, life in ends.items()}
over = [name for name, life in ends.items() if np.isfinite(life.fault.end)]
title = f"Three weeks of doing nothing come to {cost['nothing()']:+,d} euros; {' and '.join(over) or 'none'} ends it"
charts.show(charts.life_of_incident(ends, title=title), alt=f"Euros since it broke: {cost}.")
print({name: f"{euros - cost['nothing()']:+,d} euros against doing nothing" for name, euros in cost.items()})

# %% [markdown]
# A stopgap ends nothing: the merchants go on sending cents, and each day without the amount has its price. A better model ends nothing either. Somebody has to be called who can.
#
# ## One amount in a hundred
# Ticket A in its purest form. Amounts are lognormal, sigma one; one in a hundred comes in cents. Three numbers watch the column: its mean, its median, and its population stability index (PSI), the drift score on every dashboard, which calls below .1 "no change".

# %%
bet2.guess(...)  # "mean", "median", "PSI" or "all three"

# %%
luck = np.random.default_rng(SEED)
euros = np.exp(luck.normal(3, 1, 4_000_000))
mixed = np.where(luck.random(len(euros)) < 0.01, euros * 100, euros)
factors = {"mean": mixed.mean() / euros.mean(), "median": np.median(mixed) / np.median(euros)}
drift = mls.drift.psi(euros, mixed)
print(f"mean x {factors['mean']:.2f}   median x {factors['median']:.2f}   PSI {drift:.3f}")
rings = [name for name, factor in factors.items() if factor > 1.1] + ["PSI"] * (drift > 0.1)
bet2.reveal(" and ".join(rings), "Whatever does not ring sleeps through a column in two currencies.")
q2

# %% [markdown]
# A share of one percent cannot move a bin by more than one percent. It can move a mean by anything. And the contract's range, up to 20,000 euros? Thirty euros in cents are 3,000: a fine sofa.
#
# What no range knows is that this merchant sells sandwiches. Write the check that does, as the prompt above says it.

# %% tags=["exercise"] exercise_id="lesson05.q2"
def other_unit(amount, usual):
    ...

q2.check(other_unit)

# %% [markdown]
# ## Who promised that?
# A check finds a row. Somebody has to be called. That is what a **data contract** is for: each field says what it holds, in which unit and range, how often it may be missing, what happens to a value that breaks the promise, and to its row, and who answers. Here it judges a day on which five
# producers are at fault: cents, gaps, a renamed category, repeats, late rows. There is an owner on every line. `to_pandera` exports the same promises as much of the field writes them; both are asked.

# %%
world = mls.payments_world(seed=SEED, daily=1_000)
queue = (make(start=0, end=1) for make in (mls.faults.duplicate_replay, mls.faults.late_rows))
wrong = mls.faults.faulted(lambda frame: frame, (*contract_editor.BAD_DAY, *queue))
bad_day = wrong(world.day(0, world.start()).requests).reset_index(drop=True)
try:
    PAYMENTS_CONTRACT.to_pandera().validate(bad_day, lazy=True)
except Exception as refused:  # pandera's SchemaErrors
    theirs = refused.failure_cases["index"].nunique()
ours = int((PAYMENTS_CONTRACT.violations(bad_day) >= 0).sum())
print(f"rows that break a promise: ours says {ours}, pandera says {theirs}")
PAYMENTS_CONTRACT.report(bad_day, usual_rows=1_000).round(3)

# %% [markdown]
# ## Three days old
# Now ticket E, the quiet one. The job that writes the table of customers' histories hangs; each night the table is three days old. It says when it was written, and this system does not believe what is older than last midnight: it does without the history. The same month is run four times:
#
# 1. the table is fresh, the model was fitted on fresh histories;
# 2. the table is suddenly three days old, and the model has to do without it;
# 3. it stayed so, and the model has been fitted again on what was logged;
# 4. the platform team repairs the job.
#
# The next cell shows how one of them is run, and what the first three earn. The job is to be repaired on Monday, and your manager asks for one number: what does the repair bring in the thirty days after it, against leaving things as they are?

# %%
print(inspect.getsource(four_lives.life))
stale = mls.faults.stale_features(start=0, end=30, severity=3.0)
lives = four_lives.lives(SEED, stale)
print(lives.iloc[:3].round().astype(int).to_frame("euros a month"))

# %%
bet3.guess(...)  # euros, may be negative

# %%
steps = lives.diff().fillna(lives.iloc[0])
repair = steps["the fault is fixed"]
_, hurt, refit, _ = steps
title = f"The old table {hurt:+,.0f} euros, the refit on it {refit:+,.0f}, the repair of the table {repair:+,.0f}"
axes = charts.waterfall((steps * 100).round(), start="before the fault", end="after the repair", title=title)
numbers = ", ".join(f"{name} {value:+,.0f}" for name, value in steps.iloc[1:].items())
charts.show(axes, alt=f"Euros a month: {lives.iloc[0]:,.0f} before; then {numbers}.")
bet3.reveal(round(repair), "The table is as fresh as on the first day. The model is not that model.")
expect(
    hurt < 0 and repair < 0.2 * -(hurt + refit), "in most worlds the repair of the table brings little back",
    "a month is short, and a few large frauds can turn it",
)

# %% [markdown]
# Read the last step first. The table is right again, and hardly anything changes. The refitted model is a model *of the log*, and in that log nobody had a history: it has learned to do without one. Now the step before it. In some worlds the refit wins back a part of the loss, in others it loses
# more: the first model knew histories, and knew what to do when one is missing; the second knows one of the two.
#
# Who is wrong here? The platform team did what the ticket asked for.
#
# ## Open the bonnet
# This is how a system that refits learns: each night it keeps what the model *saw*.

# %%
print(inspect.getsource(TrainingSample.remember))

# %% [markdown]
# It keeps features as they were served, faults included, which is honest: that is what the score was made of. One line protects it. Rows that ingestion has put aside are left out; a broken field is learned as a gap, never as the number that stood there. No such line protects it from gaps that come every
# night. They are learned as a fact about customers.
#
# ## The fix that most teams make
# "So we refit once more, now that it is clean." When will the training window be clean?

# %%
q3

# %% tags=["exercise"] exercise_id="lesson05.q3"
def clean_from(fixed, window, maturity):
    ...

q3.check(clean_from)

# %%
policy = mls.RetrainingPolicy()
fits = [tick for tick in range(800) if policy.due(tick)]
fixed = 200
first_clean = answers.clean_from(fixed, policy.window, mls.records.MATURITY_DAYS)
dirty = [tick for tick in fits if fixed <= tick < first_clean]
print(f"repaired on day {fixed}, clean from day {first_clean}: {first_clean - fixed} days")
print(f"scheduled fits in between that learn from dirty days: {len(dirty)}")

# %% [markdown]
# ## The repair
# The log of features is spoilt. The raw events are not: nobody has touched an amount or a time. Make the features again from them, as they should have been on each day, and fit on that.

# %%
requests, labels = world.history(180)
backfilled = mls.features.offline(requests, labels)
system = trained_on(backfilled, ticket_desk.WITHOUT_CONTRACT, seed=SEED)
run = mls.simulate(world, system, days=four_lives.LIFE_DAYS, keep="metrics")
euros, gain = run.expected_value / 100, run.expected_value / 100 - lives["the fault is fixed"]
print(f"table repaired and past repaired: {gain:+,.0f} euros a month against the table alone")
print("as much as before the fault, to the cent:", np.isclose(euros, lives["before the fault"], atol=0.01, rtol=0))
expect(gain > 0, "in most worlds the repaired past is worth money", "a model of the old table can be lucky for a month")

# %% [markdown]
# A data bug has two ends: in the stream and in the past. It is repaired when both are. That is why raw events are kept, and why a fix of the data ships with a fit, on the same day, by the same people.
#
# ## How sure?
# Five faults that change what a field says, each learned and then fixed, in worlds that no lesson shows. The sentence of the talk has two halves: the bug is learned, and the fix breaks the model.

# %%
c9 = claims.stored("C9")
learned = stored_claims.effect_group(c9, "won by having learned it")["effect"]
lost = stored_claims.effect_group(c9, "lost when it is fixed").iloc[1:]
axes = charts.bars_with_intervals(
    lost, title=f"Of {len(lost)} repairs, {(lost['high'] < 0).sum()} pay by themselves",
    unit="euros per 1,000 payments lost when the fault is fixed; left of zero, won",
)
charts.show(axes, alt=f"Euros per 1,000 payments: {lost['effect'].round().astype(int).to_dict()}")
print(f"mean of the faults: learned {learned.iloc[0]:+,.0f} euros per 1,000, then fixed {-lost['effect'].mean():+,.0f}")
print(c9.table.query("incidents == 1").iloc[:, 1:].round().to_string(index=False), "\n")
print(stored_claims.told(c9), *c9.notes[:2], sep="\n    ")

# %% [markdown]
# Two halves, two verdicts. Read the last line of the table from left to right, in euros per 1,000 payments, and compare the last step with the first: everybody expects a repair to bring back what the fault has cost. Then look for the fault whose repair brings the most. What is different about a value that was missing?
#
# ## How old may it be?
# Back to the table. The model stays as it was fitted, on fresh histories, and only the table ages, in the worlds of claim C11. Of 100 euros that a table of seven days costs, how many does its first day cost?

# %%
bet4.guess(...)  # of 100 euros

# %%
c11 = claims.stored("C11")
ages = c11.table[c11.table["incidents"] == 1.0].set_index("table").drop(["fresh", "approve all"])
lost = ages.rename(columns={"lost": "effect"})[["effect", "low", "high"]].rename({"1 days": "1 day"})
share = 100 * lost.loc["1 day", "effect"] / lost.loc["7 days", "effect"]
axes = charts.bars_with_intervals(
    lost, unit="euros per 1,000 payments lost to the age of the table",
    title=f"The first day of age costs {share:.0f} % of what seven days cost",
)
charts.show(axes, alt=f"Euros per 1,000 payments: {lost['effect'].round().astype(int).to_dict()}")
bet4.reveal(round(share), "Nobody calls a table stale that is one day old.")
print(stored_claims.told(c11), c11.notes[0], sep="\n    ")

# %% [markdown]
# ## What the labels say of people
# Data can be complete, fresh, in the right unit, and unjust. In the past of these systems one group's labels are wrong by a factor of about two: accused (genuine payments labelled fraud) or unheard (fraud never reported).
# A group is hidden when no feature names it, visible when one does. Two models are compared, one trained on these labels and one on true ones. Each stops a share of the group's payments: of the genuine ones where the group is accused, of the frauds where it is unheard. A bar is the first share divided by the second, so one means that nothing has changed. In the table, `data` is the same factor in the labels themselves.

# %%
c10 = claims.stored("C10")
bias = c10.table.assign(effect=c10.table["treatment"])
bias.index = bias["system"] + ": " + bias["group"] + ", " + bias["bias"]
resilient = bias[bias["system"] == "resilient"]
reaches = (np.log(resilient["effect"]) / np.log(resilient["data"])).max()
axes = charts.bars_with_intervals(
    resilient[["effect", "low", "high"]], reference=1.0, unit="times as often stopped",
    title=f"Of the logarithm of the labels' bias at most {max(reaches, 0):.0%} reaches the people",
)
charts.show(axes, alt=f"Times as often stopped: {resilient['effect'].round(2).to_dict()}")
print(stored_claims.told(c10))
bias[["data", "treatment", "low", "high"]].round(2)

# %% [markdown]
# A factor nearer to one than the labels' own is bias diluted, in one pass through the system. That is no acquittal. Some people are stopped more often for what others said of their neighbours, and the labels that tomorrow's model reads are made of today's decisions. Lesson 09 closes that loop.
#
# ## Put aside, or do without?
# A row breaks its promise at three in the morning. *Quarantine* puts it aside: answered with what is legible, learned by nobody, handled by somebody. *Degrade* does without the field and keeps the row; so it was agreed wherever a row is worth an answer without the field. Edit a promise, and the same bad day is run again, price included.

# %%
editor = contract_editor.Editor(seed=SEED)
for edit in ({"maximum": 300.0}, {"on_breach": "quarantine"}, {"null_rate": 0.2}):
    print(f"amount, {edit}\n{editor.set('amount', **edit)}\n")
contract_editor.widget(seed=SEED)

# %% [markdown]
# Three edits, three kinds of thing. A tighter range catches what it is meant to catch, and good customers with it. A policy moves money. A promise about gaps changes who is called. You have inherited a contract that puts every broken row aside. Make it pay in a bad fortnight.

# %%
q4

# %% tags=["exercise"] exercise_id="lesson05.q4"
def my_contract():
    from mlsys_lessons.lessons.lesson05.contract_editor import INHERITED, edited

    contract = edited(INHERITED, "amount", on_breach=...)
    return contract

q4.check(my_contract)

# %% [markdown]
# ## Your runbook line
# An upstream team writes: "we have corrected the field." What do you look at before you say thank you, who owns it, what do you do, how do you go back?

# %%
runbook.add("lesson05", signal=..., owner=..., action=..., rollback=...)
five_questions.answer("lesson05", 2, ...)  # who owns its quality?

# %% [markdown]
# ## Carry it home
# - Take the three fields that your model leans on most. Who is called when one of them changes its unit, and do they know it?
# - Which bug has your model learned so well that nobody would dare to fix it?
#
# *Read on:* Polyzotis and others, *Data validation for machine learning* (2019): what to check, and when. Sambasivan and others, *"Everyone wants to do the model work, not the data work"* (2021): how small breaks become cascades.
