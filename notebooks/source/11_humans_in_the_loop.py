# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
#   named_surprise: >-
#     A competent guess: reviewers who see the model's score do better than reviewers who do not, and
#     two of them are safer than one. What happens: with the score on the screen they accuse fewer
#     honest customers, so their accuracy rises; of the frauds that the model is blind to they find
#     a third instead of four fifths. Two who see it find fewer of those than one who does not.
# ---

# %% [markdown]
# # 11 · Humans in the loop
#
# *Wednesday, 17:30.* A fraud of 2,300 euros went through this morning. The model had given it .01. In the room somebody says what is always said then, and everybody nods:
#
# "We need a human in the loop."
#
# There is one. Four times a day a payment is held until a person has looked at it. You are asked for a plan by Friday: how many people, which cases, what stands on their screen.

# %%
import inspect

import numpy as np
import pandas as pd

import mlsys_lessons as mls
from mlsys_lessons import charts, claims
from mlsys_lessons.experiments import waiting_line
from mlsys_lessons.lessons import five_questions, runbook, stored_claims
from mlsys_lessons.lessons.expectation import expect
from mlsys_lessons.lessons.lesson11 import answers, desk, staffing
from mlsys_lessons.lessons.lesson11.questions import bet1, bet2, bet3, q1, q2, q3, q4
from mlsys_lessons.worlds.payments.people import Reviewers
from mlsys_lessons.worlds.payments.trust import Trust, rarer

# %% [markdown]
# ## What the people see
# A calm month of the resilient system, a thousand payments a day. The policy sends a case to people when it believes that a look is worth more than it costs: where it doubts, and where much is at stake. Each night the most valuable four are looked at.

# %%
SEED = 7

# %%
table = desk.cases(desk.month(SEED))
held = table[table["held"]]
print(f"{len(table):,} payments, {table['fraud'].sum()} frauds; {len(held)} cases were looked at")
held[["day", "score", "cents", "value"]].head(6).round(3)

# %%
bet1.guess(...)  # of 100 cases

# %%
share = 100 * held["fraud"].mean()
bet1.reveal(round(share), f"{held['fraud'].sum()} of {len(held)}.")
expect(share < 15, "in most worlds hardly any case of the queue is a fraud", "a month of doubtful frauds")
print(f"by the textbook, 90 % found, 1 % false alarms: {waiting_line.precision(0.001, 0.9, 0.01):.1%}\n")
blind = table["fraud"] & (table["score"] < desk.BLIND)
print(f"{blind.sum()} of the month's {table['fraud'].sum()} frauds have a score below {desk.BLIND:g};")
print(f"people were shown {(blind & table['held']).sum()} of them")

# %% [markdown]
# The textbook's number is that of a good test at one fraud in a thousand. And here is the first odd thing about the loop: the model sends what it doubts; what it misses, it does not doubt.
#
# ## Known cases
# Are these people any good? On a queue of honest customers nobody can tell. Airports measure their screeners with bags in which the knife has been put on purpose. Do the same: all frauds of the closed month and as many honest payments, mixed. First without the score on the screen.

# %%
pile = desk.known_cases(table, SEED)
alone = desk.right(pile, desk.accused(pile, SEED, desk.people()))
print(Reviewers(desk.ROOM))
(100 * alone).round(1).to_frame("% right, score hidden").assign(cases=pile["group"].value_counts())

# %% [markdown]
# Not bad at all. Here is an assumption of this world, made before the lesson: people err by how doubtful a case truly is, not by how doubtful the model finds it. So many frauds that the model is blind to are plain to somebody who looks. Then the plan writes itself: give them the score as well; it is a good score. Of 100 frauds that the model is blind to, how many do the same people now find?

# %%
bet2.guess(...)  # of 100 frauds

# %%
screens = 100 * desk.two_screens(SEED)
lost = screens.loc[desk.IS_BLIND]
bet2.reveal(round(lost[desk.SHOWN]), f"Without it they found {lost[desk.HIDDEN]:.0f}.")
title = (f"Of the blind spot they find {lost[desk.HIDDEN]:.0f} % without the score, "
         f"{lost[desk.SHOWN]:.0f} % with it")
axes = charts.heat_map(screens, title=title, unit="% right")
charts.show(axes, alt=title)
usual = "people who defer are blind with the model"
expect(lost[desk.SHOWN] < lost[desk.HIDDEN] - 15, usual, "luck of a small pile")

# %% [markdown]
# Look at the last row before you blame them. They accuse fewer honest customers than before, and honest customers are nearly everybody. Counted over all payments, as a dashboard counts, they have become *more accurate*:

# %%
rate = table["fraud"].mean()
fraud_share = pile.loc[pile["fraud"], "group"].value_counts(normalize=True)
for screen in screens:
    found = (screens.loc[fraud_share.index, screen] * fraud_share).sum()
    overall = (1 - rate) * screens.loc[desk.HONEST, screen] + rate * found
    print(f"{screen}: {overall:.1f} % of all answers right, {found:.0f} % of frauds found")

# %% [markdown]
# This has a name, **automation bias**: a person who is offered an answer checks it less than one who has none. Here is what a case does to a reviewer. Find the line in which nobody looks. The share
# `deference` is an assumption, and everything depends on it; the arithmetic is yours.

# %%
print(inspect.getsource(Reviewers.judge).split('"""')[2])
q2

# %% tags=["exercise"] exercise_id="lesson11.q2"
def found(miss, deference, score):
    ...

q2.check(found)

# %% [markdown]
# ## Trust
# How much do people defer? As much as they trust, and trust is a quantity: it rises a little with every answer that is seen to be right, and falls a lot with one that is seen to be wrong. Our numbers for both are assumed; that a visible error weighs more is published.
#
# Trust stands at .9. One error, for all to see.

# %%
bet3.guess(...)  # right answers

# %%
path = Trust(0.9).path([False] + [True] * 200)
back = int(np.argmax(path[1:] >= 0.9))
bet3.reveal(back, f"Closed form: {np.log(0.1 / 0.19) / np.log(0.98):.1f}.")
weeks = [True] * 120 + [True, False] * 6 + [True] * 120
deferred = 100 * Trust().most * pd.Series(Trust(0.5).path(weeks))
title = f"Six visible errors: deference falls from {deferred.max():.0f} to {deferred[120:].min():.0f} %"
unit = "% of cases in which the score decides"
axes = charts.metric_over_time({"deference": deferred}, title=title, unit=unit)
axes.set_xlabel("answers seen")
charts.show(axes, alt=title)
rests = {f"{error:.0%}": round(Trust().rest(error), 2) for error in (0, 0.01, 0.05, 0.3)}
print("where trust settles, by the share of visible errors:", rests)

# %% [markdown]
# Now the trap. Which errors are *visible*? A wrongly accused customer calls the same day. A missed fraud is reported in two weeks, to another department. The score's worst mistakes, the confident zeros, are the ones that reviewers do not see. Their trust is earned on the honest customers.
#
# ## "Then take two people"
# The tempting repair: everybody keeps the screen, and each case is read twice. Either may say fraud. Twice the minutes; is it twice as safe?

# %%
ways = {
    "one, hidden": desk.accused(pile, SEED, desk.people()),
    "one, shown": desk.accused(pile, SEED, desk.people(desk.DEFERENCE)),
}
ways["two, shown"] = ways["one, shown"] | desk.accused(pile, SEED + 1, desk.people(desk.DEFERENCE))
two = 100 * pd.DataFrame({name: desk.right(pile, said) for name, said in ways.items()})
single, double = two.loc[desk.IS_BLIND, ["one, hidden", "two, shown"]]
title = f"Of the blind spot, one person without the score finds {single:.0f} %, two with it {double:.0f} %"
charts.show(charts.heat_map(two, title=title, unit="% right"), alt=title)
expect(double < single, "two who see the score find less than one who does not", "luck of a small pile")

# %% [markdown]
# Two people who read one screen are not two opinions. Independence is what you pay the second one for.
#
# ## More looks, in money
# The other tempting repair is more room. Move the sliders: looks a day, and how far people defer. The text below the form says the same.

# %%
month = staffing.Staffing(table)
for looks, share in ((4, 0.0), (4, desk.DEFERENCE), (32, 0.0), (32, desk.DEFERENCE)):
    print(month.set(looks, share), "\n")
staffing.widget(table)

# %%
looks = [0, 2, 4, 8, 16, 32, 64]
money = {
    name: pd.Series([month.set(n, share).euros for n in looks], looks)
    for name, share in ((desk.HIDDEN, 0.0), (desk.SHOWN, desk.DEFERENCE))
}
many = [money[name][32] for name in (desk.HIDDEN, desk.SHOWN)]
title = f"32 looks a day: {many[0]:+,.0f} euros with the score hidden, {many[1]:+,.0f} with it shown"
axes = charts.metric_over_time(money, title=title, unit="euros a month against the policy alone")
axes.set_xlabel("looks a day")
charts.show(axes, alt=title)

# %% [markdown]
# With the score shown, each further look makes it worse: people are paid to read the question back. With it hidden more looks pay up to a point, then minutes cost more than they bring.
#
# ## The line
# A plan has another number: what happens on days with more cases than people. Write the line.

# %%
q1

# %% tags=["exercise"] exercise_id="lesson11.q1"
def waiting(alerts, capacity):
    ...

q1.check(waiting)

# %%
alerts = np.random.default_rng(SEED).poisson(20, 60)
lines = {f"{c} a day": pd.Series(answers.waiting(alerts, c)) for c in (18, 20, 22)}
left = {name: int(line.iloc[-1]) for name, line in lines.items()}
title = f"20 cases a day: room for 18 leaves {left['18 a day']}, room for 22 leaves {left['22 a day']}"
axes = charts.metric_over_time(lines, title=title, unit="cases that wait at midnight")
charts.show(axes, alt=title)
print(f"(A - C) t = {(20 - 18) * 60} in the mean")
asked = table[table["value"] > mls.COSTS.review_minute]
day, worth = asked["day"].to_numpy(), asked["value"].to_numpy()
print(f"in the month, {len(asked) / desk.SIZE.days:.0f} cases a day are worth a look; room for {desk.ROOM}:")
waiting_line.by_order(day, worth, capacity=desk.ROOM, patience=2).round(2)

# %% [markdown]
# The table is the real month's line, where nobody waits longer than two days. Who is reached while it is too long is a decision as well. First come, first served is fair, and spends the day on what is oldest and worth least.
#
# ## Tired, and bored
# Two things more that happen to people and not to models. They tire: in our world errors grow by half from the first to the last case of a full day. And they stop finding what they hardly ever meet. In a laboratory, searchers missed 7 % of the targets when every second picture had one, and 30 % when one in a hundred did.

# %%
usual, fraud = np.array([0.07]), np.array([True])
for seen in (0.5, 0.1, 0.01):
    print(f"{seen:.0%} targets: {rarer(usual, fraud, seen, usual=0.5, rarity=0.38)[0]:.0%} missed")
queue = float(held["p"].mean())
missed = {f"{name}, {share:.0%} frauds": desk.missed_by_place(40, share)
          for name, share in (("known cases", 0.5), ("this month's queue", queue))}  # fmt: skip
first, last = (100 * float(series.iloc[place]) for series, place in zip(missed.values(), (0, -1), strict=True))
title = f"A clear fraud is missed {first:.0f} times in 100 by who is fresh, {last:.0f} at the end of a dull day"
axes = charts.metric_over_time(missed, title=title, unit="chance that a clear fraud is missed")
axes.set_xlabel("case of the day", loc="right")
charts.show(axes, alt=title)

# %% [markdown]
# The slope is tiredness, the step between the lines is rarity. So the known cases are more than a measurement. Mixed into the daily queue, they keep people used to finding something.
#
# ## Who comes back
# A blocked payment has no label. Unless its customer appeals. Of the honest say three in ten do and nearly all are upheld; of the fraudsters one in ten, and some are believed. All of it is assumed here, and nobody knows it for their own business until they have counted. A model that learns from such labels learns that blocking is nearly always right; then correct it. (`mls.payments_world(appeals=Appeals(genuine=0.3))` lets them come back in the running system: as labels, days late, of what it blocked.)

# %%
from mlsys_lessons.worlds.payments.appeals import Appeals

blocked = table[table["blocked"]]
office = Appeals(genuine=0.3, fraud=0.1)
heard = office.heard(SEED, blocked["request_id"].to_numpy(np.int64), blocked["fraud"].to_numpy())
true_share = blocked["fraud"].mean()
print(f"{len(blocked)} blocked, {len(heard)} appeal, {heard['upheld'].sum()} upheld")
print(f"frauds among the blocked, silence booked as guilt: {1 - heard['upheld'].sum() / len(blocked):.0%}")
print(f"in truth: {true_share:.0%}; frauds among the upheld: {office.wrong_labels(true_share):.1%}")

# %%
q3

# %% tags=["exercise"] exercise_id="lesson11.q3"
def frauds_among(blocked, upheld, genuine, fraud):
    ...

q3.check(frauds_among)

# %%
chances = office.genuine * office.upheld_genuine, office.fraud * office.upheld_fraud
corrected = answers.frauds_among(len(blocked), int(heard["upheld"].sum()), *chances)
silent = 1 - heard["upheld"].sum() / len(blocked)
frauds = pd.Series({"silence is guilt": silent, "corrected": corrected, "in truth": true_share})
title = f"Of the blocked, {silent:.0%} are frauds by the labels, {true_share:.0%} in truth"
shares = pd.DataFrame({"frauds": frauds, "honest": 1 - frauds})
charts.show(charts.stacked_shares(shares, title=title), alt=f"{title}; corrected {corrected:.0%}.")
print(f"it rests on {len(heard)} who came back")

# %% [markdown]
# ## How sure?
# Twenty worlds that this page has not shown: what putting the score on the screen changes, in points. Below it is the sentence of the talk, in the running system, where thieves adapt and customers leave, and where a held payment that nobody reaches goes through (lesson 06 takes that apart). C13 asks what people add to rules, C23 what they and the model add to each other: together they are far better than people alone, and not surely better than the model alone.

# %%
worlds = desk.stored()
change = desk.summary(worlds)
queue = worlds.groupby("seed")["queue"].first()
euros = worlds.groupby("screen")["euros"].mean()
title = f"Showing the score: {change.loc[desk.IS_BLIND, 'effect']:+.0f} points where the model is blind"
unit = f"points of share right, mean of {worlds['seed'].nunique()} worlds"
charts.show(charts.bars_with_intervals(change, title=title, unit=unit), alt=title)
print(f"frauds in 100 cases of the queue: {queue.median():.1f} in the middle world, {queue.max():.0f} at most")
print("four looks a day, euros per 1,000 payments:", euros.round(1).to_dict())
for name in ("C13", "C23"):
    print(stored_claims.told(claims.stored(name)))
change.round(1)

# %% [markdown]
# ## Your desk
# Which cases, and what stands on the screen? Four looks a day, worlds that you have not seen.

# %%
q4

# %% tags=["exercise"] exercise_id="lesson11.q4"
def my_desk(score, cents, room):
    look = ...
    shown = ...
    return look, shown

q4.check(my_desk)

# %% [markdown]
# ## Your runbook line
# Recall on known cases has fallen by ten points in a month, and accuracy is up. What do you look at, who owns it, what do you do, how do you go back?

# %%
runbook.add("lesson11", signal=..., owner=..., action=..., rollback=...)
five_questions.answer("lesson11", 4, ...)  # how do we know when the model is wrong?

# %% [markdown]
# ## Carry it home
# - What stands on your reviewers' screen before they have formed an opinion? Who put it there, and has anybody measured them without it?
# - Of the cases in which your model was surest and wrong, how many has a person ever been shown?
#
# *Read on:* Parasuraman and Manzey, *Complacency and bias in human use of automation* (2010). Wolfe, Horowitz and Kenner, *Rare items often missed in visual searches* (Nature, 2005): two pages that every queue of alerts should begin with.
