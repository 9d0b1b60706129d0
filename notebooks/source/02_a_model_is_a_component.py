# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
#   named_surprise: >-
#     A competent guess: the better model earns more, wherever it stands. What happens: a logistic
#     model in the resilient system earns more than a great one behind a bare endpoint (62 euros per
#     1,000, twenty worlds, clear of zero; five times that where four times as much breaks), and less
#     than the true probability, which no component improves. Components are paid for what the model
#     does not know. And an alarm that nobody answers costs its price and the incident's.
# ---

# %% [markdown]
# # 02 · A model is a component
#
# *Thursday, 09:10.* Last month a stolen card paid, the customer called, and you looked the payment up. Your model had seen it. It was suspicious, and the payment went through. On the table lie two
# proposals. Research wants a better model. Platform wants to build what stands around it.
#
# There is money for one. You have forty minutes and a simulator in which both can be tried on the same sixty days.

# %%
import inspect

import numpy as np
import pandas as pd

import mlsys_lessons as mls
from mlsys_lessons import charts, claims
from mlsys_lessons.components.inference.models import PerfectModel
from mlsys_lessons.lessons import five_questions, runbook, stored_claims
from mlsys_lessons.lessons.expectation import expect
from mlsys_lessons.lessons.lesson02 import answers, neighbours
from mlsys_lessons.lessons.lesson02.questions import bet1, bet2, bet3, q1, q2, q3, q4, q5

# %% [markdown]
# ## Six components
#
# | component | naive: what a notebook ships as | resilient: what can be engineered |
# |---|---|---|
# | ingestion | parse it | a data contract, duplicates out, quarantine |
# | features | a table made last midnight | history up to this very payment |
# | model | none: the base rate | trained |
# | serving | call it; an error approves | a deadline, a fallback, a breaker |
# | decisions | one cut, the best F1 | prices, rules, a review queue |
# | monitoring | none; frozen | alerts, labels, retraining |
#
# `naive_system` has the model at its right-hand level and the rest on the left. `resilient_system` has all six on the right. Each component at its right-hand level costs upkeep, every day, and the
# ledger charges it.
#
# ## One request
# Sixty days of an ordinary year, with whatever breaks in it, through both systems. Same customers, same thieves, same luck, sixty boosted trees in both.

# %%
SEED = 7

# %%
year = mls.scenarios.ordinary_year(SEED, daily=1_000, days=60)


def play(system):
    return mls.simulate(year.world, system, days=60, faults=year.faults)


naive, resilient = play(mls.naive_system(seed=SEED)), play(mls.resilient_system(seed=SEED))
cases = neighbours.rescued_frauds(naive, resilient)
payment = neighbours.same_opinion(cases)
print(f"naive\n{naive.trace(payment)}\n\nresilient\n{resilient.trace(payment)}")

# %% [markdown]
# Read both from top to bottom. Where the amounts differ, the thief has been stopped elsewhere and asks for less. The two scores are nearly the same. The two ends are not.
#
# A trace shows the output of each stage, not which of them mattered. For that you swap one thing and leave the rest. Stuck? `q1.hint()`, then `q1.solution()`.

# %%
q1

# %% tags=["exercise"] exercise_id="lesson02.q1"
def responsible(score_naive, score_resilient, cut_naive, cut_resilient):
    other_score = ...  # naive policy, resilient score: stopped?
    other_policy = ...  # naive score, resilient policy: stopped?
    ...

q1.check(responsible)

# %%
swaps = cases[["score_naive", "score_resilient", "cut_naive", "cut_resilient"]].to_numpy()
verdicts = [answers.responsible(*each) for each in swaps]
stopped = cases.groupby(pd.Series(verdicts, name="stopped by"))["saved"].agg(["size", "sum"])
stopped = stopped.rename(columns={"size": "frauds", "sum": "euros"})
print(f"earned in sixty days: naive {naive.value / 100:,.0f} euros, resilient {resilient.value / 100:,.0f}")
stopped.assign(euros=(stopped["euros"] / 100).round().astype(int)).sort_values("euros", ascending=False)

# %% [markdown]
# *Score* is everything before the decision: features, model, serving. *Policy* is one stage behind it. In the rows *either* and *both* there is no culprit to be found, which is why the meeting goes
# on for so long.
#
# ## Your bets
# So let research have its wish, and more. The **perfect model** is the world's own fraud probability. Nobody can train it; the simulator can lend it to you: first behind the bare endpoint, then with the other five components built around it.
#
# You have just read what the two systems earn with a model that can be trained.
#
# The third bet is about the resilient system with its boosted model, in the worlds of claim C3. Somebody puts one component back to its naive level, and leaves the model alone. Which of the other five costs most? Bet before you scroll.

# %%
bet1.guess(...)  # "perfect in naive", "logistic in resilient" or "about the same"
bet2.guess(...)  # euros in sixty days, may be negative: the other five around the perfect model
bet3.guess(...)  # "ingestion", "features", "serving", "decisions" or "monitoring"

# %%
runs = {
    "perfect model, naive": play(mls.naive_system(seed=SEED, model="perfect")),
    "perfect model, resilient": play(mls.resilient_system(seed=SEED, model="perfect")),
    "logistic, resilient": play(mls.resilient_system(seed=SEED, model="logistic")),
    "logistic, naive": play(mls.naive_system(seed=SEED, model="logistic")),
}
earned = pd.Series({name: run.value / 100 for name, run in runs.items()})
lines = {name: run.value_by_tick().cumsum() for name, run in runs.items()}
axes = charts.value_over_time(lines, title=f"Most of all earns: {earned.idxmax()}")
charts.show(axes, alt=f"Euros after 60 days: {earned.round().astype(int).to_dict()}")

# %%
perfect, built, average, _ = earned
upkeep = neighbours.standing_cost(*list(runs.values())[:2]) / 100
alike = abs(perfect - average) < 0.05 * perfect
winner = "about the same" if alike else "perfect in naive" if perfect > average else "logistic in resilient"
bet1.reveal(winner, "The talk says that a great model in a bad system loses.")
bet2.reveal(round(built - perfect), f"Upkeep, pages and on-call of the five alone cost {upkeep:,.0f} euros.")
expect(
    perfect > built > average, "in most worlds the perfect model earns most behind a bare endpoint",
    "a failed call reaches even an oracle, and a long outage can outweigh the upkeep of five components",
)

# %% [markdown]
# Both sides are as well built as they can be. So what does this model have that every other one lacks?
#
# ## Open the bonnet
# The perfect model's `predict`, whole. Look for what is *not* in it.

# %%
print(inspect.getsource(PerfectModel.predict))

# %% [markdown]
# It asks the frame for one column, the id. No feature. An amount in the wrong unit, a stale table, a renamed category: nothing of that can reach it, because nothing flows *into* it. It is no
# component. It is an oracle with an endpoint. And there is a second thing that it hardly ever has.

# %%
doubt = pd.DataFrame({
    "perfect": neighbours.doubt(runs["perfect model, naive"]),
    "boosted": neighbours.doubt(naive),
    "logistic": neighbours.doubt(runs["logistic, naive"]),
}).T
shares = ", ".join(f"{name} {share:.0%}" for name, share in doubt["in doubt"].items())
axes = charts.stacked_shares(doubt, title=f"So much of the money lies in doubt: {shares}")
charts.show(axes, alt=f"Share of the money at stake that lies in doubt: {shares}.")
expect(
    doubt["in doubt"].idxmin() == "perfect", "in most worlds the perfect model leaves least in doubt",
    "a model can be sure of itself and wrong",
)

# %% [markdown]
# A bar is all the money that fraud is after: each amount times its true probability of fraud. Its parts are the payments that the model scores below two percent, above one half, and in between. A cut serves the two ends. Everything in the middle is settled by
# somebody who turns a doubt into an action.
#
# Here is the whole lesson: **a component is paid for what the model does not know.** An oracle leaves it little to do. You will never own one.
#
# ## The fix that most teams make
# Back to models that can be bought. You run the logistic one behind its cut. Research trains sixty trees; platform leaves the model alone and prices the three actions. One of the two ships on Monday.

# %%
priced = mls.assemble({"model", "decisions"}, seed=SEED, model="logistic")
offers = pd.Series({
    "as it is": earned["logistic, naive"],
    "a better model": naive.value / 100,
    "the same model, priced": play(priced).value / 100,
}, name="euros")
expect(
    offers.idxmax() == "the same model, priced", "in most worlds prices are worth more than the better model",
    "a better model can find a few large frauds that no price can see",
)
print(f"The better offer in this world: {offers.iloc[1:].idxmax()}.")
offers.to_frame().assign(more=offers - offers.iloc[0]).round().astype(int)

# %% [markdown]
# The meeting was about the first of the two. This is one world: change `SEED` a few times, and you may meet one with another order. The intervals come further down.
#
# ## The repair
# Write the prices yourself. Lesson 01 weighed two actions; a third one asks a person, who costs money and is wrong one time in ten.

# %%
q2

# %% tags=["exercise"] exercise_id="lesson02.q2"
def expected_cents(fraud, cents):
    margin, loss = mls.COSTS.margin(cents), mls.COSTS.fraud_loss(cents)
    friction, delay = mls.COSTS.friction, mls.COSTS.delay
    people = 6 * mls.COSTS.review_minute
    approve = ...
    block = ...
    review = ...
    return approve, block, review

q2.check(expected_cents)

# %%
neighbours.replay(expected_cents, naive)

# %% [markdown]
# ## When nobody answers
# A price needs a score. The call fails, or the row is broken: what then? Somebody decides that, if need be an exception handler.

# %%
q3

# %% tags=["exercise"] exercise_id="lesson02.q3"
def answered(score, rule_score, base_rate, quarantined):
    ...

q3.check(answered)

# %%
outage = mls.faults.dependency_outage(start=10, end=15, severity=1.0)
lost = pd.DataFrame(0.0, index=["one cut", "prices"], columns=["bare call", "fallback ladder"])
for row, more in zip(lost.index, ([], ["decisions"]), strict=True):
    for column, level in zip(lost.columns, ([], ["serving"]), strict=True):
        system = mls.assemble({"model", *more, *level}, seed=SEED)
        twins = [mls.simulate(year.world, system, days=15, faults=f).value for f in ([], [outage])]
        lost.loc[row, column] = (twins[0] - twins[1]) / 100
saved = (lost["bare call"] - lost["fallback ladder"]).round().astype(int)
print("the ladder saves, in euros:", saved.to_dict())
lost.round().astype(int).rename_axis("euros lost in five days of outage")

# %% [markdown]
# Compare along the rows: the same ladder, the same outage. A cut that was chosen for the model's scores may lie above every score of the rule; then the rule approves everything, as silence does, and the ladder saves nothing. Prices read any probability. No
# component has a value of its own; it has one beside its neighbours.
#
# ## Divide the credit
# So how much *is* the model? Count it first, and it gets everything that only needs a model. Count it last, and it gets what is left. There is one fair way between them.

# %%
q4

# %% tags=["exercise"] exercise_id="lesson02.q4"
def shapley(worth):
    from itertools import permutations

    orders = list(permutations("DFM"))
    shares = {"D": 0.0, "F": 0.0, "M": 0.0}
    ...
    return shares

q4.check(shapley)

# %% [markdown]
# With six components there are 64 systems to run, in several worlds, 120 days each: more than a lesson may take. These results are stored; `claims.run("C3")` and `claims.run("C4")` measure them again.

# %%
c2, c3, c4 = (claims.stored(name) for name in ("C2", "C3", "C4"))
print(*(stored_claims.told(claim) for claim in (c2, c3, c4)), sep="\n")
dropped = 100 * stored_claims.effects(c3).rename(lambda name: name.removeprefix("without "))
others = dropped.drop(["model", "nobody answers"])["effect"]
first, then = dropped["effect"].idxmax(), others.idxmax()
axes = charts.bars_with_intervals(
    dropped.sort_values("effect", ascending=False), unit="% of the value lost without it",
    title=f"Most is lost without the {first}, {dropped.effect[first]:.0f} %; "
    f"of those around it without {then}, {others[then]:.0f} %",
)
charts.show(axes, alt=f"Per cent of the value lost: {dropped.effect.round().astype(int).to_dict()}")
bet3.reveal(then, f"Without it the system earns more: {', '.join(dropped.index[dropped['high'] < 0]) or 'none'}.")

# %%
divided = neighbours.shares_by_order(c4.table)
first, _, last = divided["model"]
axes = charts.stacked_shares(
    divided, title=f"The model's share of the value: {first:.0%} if it is built first, {last:.0%} if last",
)
charts.show(axes, alt=f"The model's share of the value: added first {first:.0%}, added last {last:.0%}.")
print(*(f"{part.name}: {part.interval} in {len(c4.seeds)} worlds" for part in c4.effects[:2]), sep="\n")
if last > 1:
    print("More than a hundred per cent: with no model to stand around, the other five lose money.")

# %% [markdown]
# Three sentences of the talk, and a verdict on each. The *step* begins where teams stand, with an average model in the naive system, and ends with a great one in the resilient system: there most of the gain is not the model's. Keep apart what they mix: this is *value*, the money that hangs on a component. That the model is a small part is said of the *code* and of
# the *effort* (Sculley and others, 2015); nothing that is measured here speaks for or against that.
#
# ## With somebody who answers, and without
# *Monitoring* in that figure is more than numbers: labels, refits, and somebody whose job it is to answer. Take only the answer away. On day 20 of sixty quiet days the model's file is damaged. The fallback ladder does what it was built for: a rule answers, and every call is a 200. It lasts until somebody ends it.

# %%
damaged = mls.faults.silent_fallback(start=20)
teams = {
    "naive": mls.naive_system(seed=SEED),
    "resilient, nobody answers": mls.resilient_system(seed=SEED, responder=None),
    "resilient": mls.resilient_system(seed=SEED),
}
lives = {name: neighbours.life(year.world, system, damaged) for name, system in teams.items()}
cost = {name: round(life.cents.sum() / 100) for name, life in lives.items()}
answer = cost["resilient"] - cost["resilient, nobody answers"]
title = f"One damaged file: an answer is worth {answer:,.0f} euros in forty days"
charts.show(charts.life_of_incident(lives, title=title), alt=f"Euros by day 60: {cost}.")
print(lives["resilient, nobody answers"])

# %% [markdown]
# Two of the three have the same monitors, and both rang the same night. What differs is a name and a line in a runbook. In the figure further up it is the bar *nobody answers*; compare it with the one for doing without the monitors altogether. There, people still act on what the till, the customers or chance tell them. An alarm that nobody answers has been bought, and the incident as well.
#
# You have now walked the whole way: it works, it is deployed, traffic comes, the data change, it degrades, and an alert is a line that nobody reads.
#
# ## How sure? And where does it stop?
# The claim puts the average model, logistic on half a year of history, into the resilient system, and three better ones behind a bare endpoint: the course's boosted trees; a *great* model, tuned, on ten times the history; and a *perfect* one that is no oracle any more. It knows the probability of each row *as it was received*, so a wrong unit or a stale table reaches it.

# %%
rivals = {"boosted": "the course's", "great": "the great one", "perfect": "the perfect one"}
gaps = stored_claims.effects(c2).loc[[f"logistic/resilient - {model}/naive" for model in rivals]]
gaps.index = [f"against {words}" for words in rivals.values()]
fates = ["wins" if low > 0 else "loses" if high < 0 else "stands even" for low, high in gaps[["low", "high"]].to_numpy()]
fates = "; ".join(f"{rival} it {fate}" for rival, fate in zip(gaps.index, fates, strict=True))
axes = charts.bars_with_intervals(
    gaps, title=f"The average model in a great system: {fates}",
    unit="euros per 1,000 requests that logistic in resilient earns more",
)
charts.show(axes, alt=f"Euros per 1,000 requests, logistic in resilient: {gaps.effect.round().astype(int).to_dict()}.")
by_rate = ", ".join(f"{rate:g} x: {gap:+,.0f} ({word})" for rate, (gap, word) in c2.by_rate.items())
print(f"against the great one, by how much breaks: {by_rate}")

# %% [markdown]
# Two things that a figure hides. A verdict asks for more than an interval clear of zero: for a size that matters, at the level of 28 claims that are judged together. And whether a great system is worth more than a great model depends on how much breaks; the first number is of a year in which nothing does.
#
# Upkeep does not grow with traffic; fraud does. Scale the sixty days you have just played, component bill and payments apart, and see at which size the five neighbours pay. Read along a row; the first one is the oracle.

# %%
volumes = [100, 300, 1_000, 3_000, 10_000]
lone, engineered, cared_for, bare = runs.values()
twins = {"perfect": (lone, engineered), "boosted": (naive, resilient), "logistic": (bare, cared_for)}
daily = pd.DataFrame({name: neighbours.by_traffic(*pair, volumes) for name, pair in twins.items()})
daily = (daily.T / 100).round() + 0.0
daily.columns = [f"{volume:,} a day" for volume in volumes]
axes = charts.heat_map(
    daily, title="What five components add, by model and by traffic", unit="euros a day"
)
numbers = daily["1,000 a day"].astype(int).to_dict()
charts.show(axes, alt=f"Euros a day that five components add at 1,000 payments: {numbers}")

# %% [markdown]
# ## Choose the neighbours
# Now spend the money. A thousand payments a day, an ordinary year, a model that you can train. All six components are the bar.

# %%
q5

# %% tags=["exercise"] exercise_id="lesson02.q5"
def my_system(seed):
    around = ...
    return mls.assemble({"model", *around}, seed=seed)

q5.check(my_system)

# %% [markdown]
# ## Your runbook line
# A customer calls about a payment that you approved. Which signal would have shown that your decisions leave doubt unpriced, who owns it, what do they do, how do they go back?

# %%
runbook.add("lesson02", signal=..., owner=..., action=..., rollback=...)
five_questions.answer("lesson02", 5, ...)  # what happens when it is down?

# %% [markdown]
# ## Carry it home
# - Take one wrong decision of your last month. Which swap alone would have changed it: the score, or what was done with it?
# - Which of your components would you not build at your present traffic, and at which traffic will you?
#
# *Read on:* Sculley and others, *Hidden technical debt in machine learning systems* (2015): the small box in the middle. Elkan, *The foundations of cost-sensitive learning* (2001): from a probability to an action.
#
# Next: `03_deployment_and_skew`.
