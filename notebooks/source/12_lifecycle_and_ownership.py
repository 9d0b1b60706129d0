# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
#   named_surprise: >-
#     A competent guess: the canary was clean for a week, so the release is safe. What happens: the
#     canary would have had to run for two months to see fraud double; shipped, the release earns a
#     fourth less than the old version in the mean of twenty worlds, less than half in this one. What
#     shows it on the first night is a shadow on the same rows; looking every hour instead stops four
#     sound releases in ten.
# ---

# %% [markdown]
# # 12 · Lifecycle and ownership
#
# *Tuesday, 16:10.* Release meeting. On the screen is version `trees-2` of the fraud model. Its ranking on the test set is that of the version in service, to the last digit, and its scores have been "corrected for undersampling". It has had five per cent of the traffic for a week. Somebody reads out the line that releases are waved through by:
#
# "The canary is clean."

# %%
import inspect

import numpy as np
import pandas as pd

import mlsys_lessons as mls
from mlsys_lessons import charts
from mlsys_lessons.components.inference import ramp
from mlsys_lessons.components.inference.registry import ModelVersion
from mlsys_lessons.lessons import five_questions, runbook, stored_claims
from mlsys_lessons.lessons.expectation import expect
from mlsys_lessons.lessons.lesson12 import answers, canaries, peeking, refits, rollout
from mlsys_lessons.lessons.lesson12.questions import bet1, bet2, bet3, bet4, q1, q2, q3, q4
from mlsys_lessons.lessons.lesson12.ramp_explorer import Explorer, widget

# %% [markdown]
# ## Where a version lives
# Before it can be shipped, somebody must be able to say what it *is*: which days it learned from, what it reads, what it replaces. And the version before must be one call away. Both are a folder: the model in one file that runs no code, its lineage beside it under a seal, and two names, champion and challenger.

# %%
SEED = 7

# %%
import tempfile

from mlsys_lessons.serving.model_registry import Lineage, ModelStore

home = rollout.at_home(SEED)
champion = home.inference.registry.champion
candidate = ModelVersion("trees-2", rollout.corrected_twice(champion.model))
store = ModelStore(tempfile.mkdtemp())
learned = Lineage(data=(-150, -46), features=tuple(champion.model.inputs), code=mls.__version__)
store.promote(store.keep(champion, learned))
store.try_out(store.keep(candidate, Lineage(**{**vars(learned), "parent": champion.label})))
print(store)
print({name: value for name, value in vars(store.lineage("trees-2")).items() if name != "features"})

# %% [markdown]
# ## A week of five per cent
# The split is a stage of the running system: each payment's own luck says which version answers, and the other one's score is written beside it.

# %%
week, shipped, stayed = canaries.released(SEED)
counts = rollout.counted(week)
print("AUC on the week's payments, old and new:", *(f"{auc:.4f}" for auc in rollout.auc(week)))
counts

# %% [markdown]
# Look at the rates: the new version blocks no more customers than the old one, and hardly a fraud is reported. If anything it is better. You ship it.
#
# Four weeks later you are given the money. The same four weeks have been lived with the old version, too: same customers, same thieves, same luck.

# %%
bet1.guess(...)  # of 100 euros

# %%
days = np.arange(canaries.WEEK, shipped.days)
money = {
    name: pd.Series(np.cumsum([day.earned for day in run.accounts.days[canaries.WEEK :]]), index=days)
    for name, run in (("shipped", shipped), ("the old version stays", stayed))
}
new, old = (line.iloc[-1] / 100 for line in money.values())
title = f"A clean canary: {new:,.0f} euros in four weeks instead of {old:,.0f}"
charts.show(charts.value_over_time(money, title=title), alt=title)
bet1.reveal(round(100 * new / old), "Hardly anybody was blocked. That is the trouble.")
expect(new < 0.8 * old, "in most worlds it loses a fifth or more", "the large frauds were seen by both")

# %% [markdown]
# Every score is too low by ten in the odds. The order is the same, so is the AUC; and the price of a payment is its *probability* times its amount, so almost nothing is stopped any more. No customer complains. The thieves neither.
#
# ## What the canary could have seen
# Say it was four frauds in a thousand that got through, and the question was whether they double. A thousand payments a day, five per cent of them to the canary.

# %%
bet2.guess(...)  # days

# %%
rate = 0.004
needed = ramp.days_to_see(rate, rate, share=canaries.SHARE, rows_a_day=rollout.DAILY)
bet2.reveal(round(needed), "And the reports of a fraud take two weeks more to come in.")
print(inspect.getsource(ramp.equal_rows))

# %% [markdown]
# The last line is the whole story. A split of one to nineteen is worth a tenth of its rows. Write the number that should have stood on the slide *before* the canary began.

# %%
q1

# %% tags=["exercise"] exercise_id="lesson12.q1"
def days_to_see(rate, change, share, rows_a_day):
    needed = ...  # rows in each of two equal arms
    ...

q1.check(days_to_see)

# %%
shares, rises = (0.01, 0.05, 0.25, 0.5), (0.5, 1.0, 4.0)
table = pd.DataFrame(
    [[answers.days_to_see(rate, rate * rise, share, rollout.DAILY) for rise in rises] for share in shares],
    index=[f"{share:.0%} of the payments" for share in shares],
    columns=["half as much again", "a doubling", "five times"],
)
axes = charts.heat_map(table.round(0), title="Days until a canary sees it, at 1,000 payments a day", unit="days")
charts.show(axes, alt=f"Days: {table.round().to_dict('index')}")
print(Explorer(), Explorer(daily=100_000), sep="\n")  # the form has the same, with sliders
widget()

# %% [markdown]
# ## "Then we look every hour"
# If a week is too short, look all the time, and stop as soon as a difference is significant. It sounds like care. Here it is on canaries in which there is *nothing to find*: the old version against itself, half and half, two hundred throws of the coin, four weeks, on the payments that you have just seen. Whoever stops one has found luck.

# %%
bet3.guess(...)  # of 100 canaries

# %%
stopped = peeking.alarmed(stayed, since=canaries.WEEK)
hourly, nightly, sound = stopped.iloc[-1] * 100
title = f"Nothing is wrong: looking hourly stops {hourly:.0f} of 100, every night {nightly:.0f}, honestly {sound:.0f}"
axes = charts.metric_over_time(
    {name: stopped[name] * 100 for name in stopped}, title=title, unit="of 100 sound canaries, stopped by day"
)
charts.show(axes, alt=title)
bet3.reveal(round(hourly), f"Each look is wrong one time in twenty. You looked {28 * 24} times.")
expect(hourly > 15 > sound, "the more looks, the more false stops", "two hundred coins were kind")

# %% [markdown]
# The third line looks every night as well. Its interval is wider, by just so much that it holds at *all* looks together; it is called always valid. The price is honest: it takes longer to see what is there.
#
# So peeking is repaired. Being blind is not. For that you need more rows, and there is a way to have all of them.
#
# ## The shadow
# The new version is asked about every payment and answers none. Both scores are in the log, on the *same* rows. Nothing is split, so nothing is wasted.

# %%
night = rollout.begun(rollout.on_trial(home, candidate), days=1)
first, whole = rollout.in_shadow(night), rollout.in_shadow(week)
seen = pd.concat({"the first night": first, "the week": whole}).round(1)
expect(whole.at["new", "would stop"] * 3 < whole.at["old", "would stop"], "it stops far less", "never")
seen

# %% [markdown]
# There it stands, on the first night, twice: how many payments each of them would stop, and how many frauds each believes in. No test is needed for such a factor on the same rows. What the shadow cannot show is what customers and thieves make of another answer. For that there is the ramp: shadow first, then a share that grows, with a stop rule for each step, and everybody back to the old version in one call.

# %%
back = shipped.system.inference
back.send(0.0)
print("in the running system:", back.share, "of the payments to", back.challenger.label)
store.promote(candidate.label)
print("on disk:", store.aliases.champion, "->", store.roll_back().label)

# %% [markdown]
# ## Your ramp
# Two releases come to your door in worlds that you have not seen. One is what it says; the other one is not. You are asked every night.

# %%
q4

# %% tags=["exercise"] exercise_id="lesson12.q4"
def my_ramp(night, shadow, counts):
    old, new = shadow.loc["old", "would stop"], shadow.loc["new", "would stop"]
    return ...  # between 0 and 1

q4.check(my_ramp)

# %% [markdown]
# ## How sure?
# The same release in twenty other worlds: what its canary said after a week, and what shipping it has cost in four more.

# %%
worlds = canaries.stored()
lost, clean = canaries.lost(worlds), int(worlds["clean"].sum())
ratio = worlds["old would stop"] / worlds["new would stop"].clip(lower=1)
price = refits.interval(lost)
title = f"Clean in {clean} of {len(worlds)} worlds; shipping costs {price.estimate:,.0f} euros in four weeks"
axes = charts.bars_with_intervals(refits.pair(worlds), title=title)
charts.show(axes, alt=title)
print(f"lost: {price.estimate:,.0f} euros, 95 % interval {price.low:,.0f} to {price.high:,.0f}")
print(f"in shadow the old version stops {ratio.median():.0f} times as many, at least {ratio.min():.1f} times")
print(stored_claims.all_told("C25"))

# %% [markdown]
# *Ship small*, says the talk. The last lines put a price on it: eight changes in a release against one, as often bad as they are said to be. Over twenty worlds the difference is smaller than anybody would notice. Before you take that home, read what was assumed for it: how long a suspect takes, and how long a release.
#
# ## The next fit
# A release that nobody decides on is the scheduled one. For 55 days a fourth of the merchants sent cents where euros were agreed, and nobody checked what came in. Then it was put right. Models were fitted meanwhile and after, on what there was.
#
# Five policies in the same worlds: never; by the calendar, every six weeks; and three that wait for a sign, when the scores drift, when the *estimate* says that more is missed, when more is *reported*. A new fit goes into service only if it beats the old one on the newest two weeks.

# %%
bet4.guess(...)  # "fitted by the calendar", "never fitted again" or "within 2 %"

# %%
found = refits.stored()
repair = refits.against_never(found, refits.REPAIR)
worst = repair["effect"].idxmin()
title = f"After the repair: {worst}, {repair.loc[worst, 'effect'] / 100:+,.0f} euros against never fitting again"
axes = charts.bars_with_intervals(repair, title=title)
charts.show(axes, alt=title)
bet4.reveal(refits.verdict(found, refits.REPAIR), refits.told(found, refits.REPAIR))
refits.table(found)

# %% [markdown]
# Five worlds are few, and every interval holds zero. What it costs where it happens is no small thing, though, and how it happens can be read: whoever fits with the bug in the window is shown honest payments with a hundredfold amount. The gate asks who is better on the newest two weeks that have labels; labels are six weeks old, so those weeks are the bug's own, and the one who has learned the bug wins. The surest sign is no safer: more *was* reported, and a fit was no cure.
#
# The last rows of the table are one ordinary year of the resilient system, in one world: an anecdote, and a reason to look at your own.
#
# A fit is a release that nobody has decided on. It deserves what a release deserves: a shadow, a ramp, a way back; and a contract on what it learns from.
#
# ## The promise, and how fast it burns
# 99.9 % of payments get an answer in time: that is a *service level objective*, and its other side is a budget. In thirty days one payment in a thousand may go wrong. The question at night is never "is something wrong", it is "how fast are we spending?". Write the alert that the field has agreed on.

# %%
q2

# %% tags=["exercise"] exercise_id="lesson12.q2"
def burning(bad, asked, promise):
    rates = []
    for minutes in (60, 5):
        ...
    return np.minimum(*rates) >= 14.4

q2.check(burning)

# %%
minutes, asked = np.arange(24 * 60), np.full(24 * 60, 600)
bad = np.where((minutes >= 600) & (minutes < 612), 300, 0) + np.where(minutes == 200, 500, 0)
slow = np.where(minutes >= 600, 4, 0)  # seven in a thousand, all day
for name, wrong in (("an outage of twelve minutes, a hiccup before", bad), ("a slow burn", slow)):
    calls, spent = answers.burning(wrong, asked, 0.999), wrong.sum() / (30 * asked.sum() * 0.001)
    first = f"first call at minute {np.argmax(calls)}, {calls.sum()} in all" if calls.any() else "never calls"
    print(f"{name}: {first}; {spent:.0%} of the month's budget is gone")

# %% [markdown]
# The second line is why there is more than one window: what burns at seven never reaches 14.4 and has spent a seventh of the month by evening. `error_budget.WINDOWS` has the other two.
#
# ## Whose is it?
# An alert goes to a name. Which one?

# %%
q3

# %% tags=["exercise"] exercise_id="lesson12.q3"
def route(alerts, owners):
    called = []
    for path, severity in alerts[["path", "severity"]].to_numpy():
        ...
    return called

q3.check(route)

# %%
from mlsys_lessons.components.response.runbook import lines

domain = mls.payments_world(seed=SEED, daily=rollout.DAILY).domain
book = lines(domain).drop_duplicates("metric")
alerts = book.rename(columns={"metric": "path"})[["path", "severity"]]
called = {
    "a list with one line, operations": answers.route(alerts, {"operations": "payments platform"}),
    "the course's own, a line a rule": answers.route(alerts, dict(zip(book["metric"], book["owner"], strict=True))),
}
print("rules without any line of what to do:", int((book["line"] == "").sum()), "of", len(book))
print(stored_claims.all_told("C24"))
pd.DataFrame({name: pd.Series(names).value_counts() for name, names in called.items()}).fillna(0).astype(int)

# %% [markdown]
# C24 lives the same incidents with a name on the alert and with none. Most of them wait for the same midnight, named or not; a name is worth what the hand-offs cost where you work.
#
# ## The page afterwards
# When it is over, somebody writes it down, and if they write it from memory they write down who felt guilty. Most of the page is in the log. Here is an incident of the resilient system; the facts are the run's, the open places are yours.

# %%
from mlsys_lessons.simulation.postmortem import postmortem

world, system = mls.payments_world(seed=SEED, daily=300), mls.resilient_system(seed=SEED)
wrong = mls.faults.wrong_model(start=18, severity=1.0)  # somebody deploys another portfolio's model
run, twin = (mls.simulate(world, system, days=24, faults=faults) for faults in ([wrong], []))
print(postmortem(run, twin=twin))

# %% [markdown]
# No sentence on it has a person for its subject. "The edge took a model whose label nobody had pinned" can be changed; "whoever deployed was careless" can only be forgiven.
#
# ## Your runbook line
# A new version goes out on Thursday. Which number stops it, who watches, what is done, how do you get back?

# %%
runbook.add("lesson12", signal=..., owner=..., action=..., rollback=...)
five_questions.answer("lesson12", 2, ...)  # who owns its quality?
five_questions.answer("lesson12", 5, ...)  # what happens when it is down?

# %% [markdown]
# ## Carry it home
# - What could your last canary have seen? Do the arithmetic: rate, rows, share.
# - If you had to go back tonight: is it one call, and when was it last made?
#
# *Read on:* Beyer and others, *The Site Reliability Workbook* (2018), chapters 5 and 16: burn rates, canaries. Johari and others, *Peeking at A/B tests* (2017). Fabijan and others, *Diagnosing sample ratio mismatch* (2019): the first thing to check, and the last that anybody does.
