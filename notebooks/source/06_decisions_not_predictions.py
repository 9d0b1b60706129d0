# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
#   named_surprise: >-
#     A competent guess: a model with as good an AUC earns as much, and more review is safer. What
#     happens: fitted with balanced classes, as every tutorial on rare events has it, the same model
#     with the same AUC earns less than approving everybody; one formula brings it all back. And
#     a few looks a day by people are no safer than none: held payments that nobody reaches are
#     approved, and take back what the looks have earned.
# ---

# %% [markdown]
# # 06 · Decisions, not predictions
#
# *Thursday, 16:20.* The data scientist has a new model, and a slide. Frauds are one payment in three hundred, so this time the classes were balanced before fitting, as every tutorial on rare events recommends. The AUC is as good as ever. The product owner has one question: how much more money is that?
#
# Nobody has an answer, because nobody has said what happens to a score.

# %%
import inspect

import numpy as np
import pandas as pd

import mlsys_lessons as mls
from mlsys_lessons import charts, claims, monitoring_charts
from mlsys_lessons.components.decisions import Policy, best_f1_cut
from mlsys_lessons.components.inference.metrics import auc
from mlsys_lessons.lessons import five_questions, runbook, stored_claims
from mlsys_lessons.lessons.expectation import expect
from mlsys_lessons.lessons.lesson06 import answers, candidates, review_rooms
from mlsys_lessons.lessons.lesson06.questions import as_bet1_says, bet1, bet2, bet3, q1, q2, q3, q4
from mlsys_lessons.lessons.lesson06.threshold_explorer import Explorer, widget

# %% [markdown]
# ## Two models
# A is the logistic model as it is. B is the same model on the same rows, each fraud counted so often that both classes weigh alike. Both are judged on the last quarter of their history.

# %%
SEED = 7
train, test = candidates.history(SEED)
label = test["label"].to_numpy() == 1
weight = candidates.balancing_weight(train["label"].to_numpy())
models = {"A": candidates.logistic(SEED), "B": candidates.logistic(SEED, balanced=True)}
area = {name: auc(model.predict(test), label) for name, model in models.items()}
print(f"A: AUC {area['A']:.3f}    B: AUC {area['B']:.3f}, each fraud counted {weight:.0f} times")
expect(
    area["B"] > area["A"] - 0.01, "in most worlds the two AUCs lie within a point of each other",
    "a quarter of a history holds few frauds",
)

# %% [markdown]
# Either is now served in one and the same system, for thirty days: contract, features, fallbacks, decisions by cost. Same customers, same thieves, same luck. Only the model differs.

# %%
bet1.guess(...)  # "more than A", "about as much", "less than A" or "less than approving everybody"

# %%
runs = {"A": candidates.served(SEED, models["A"], keep="log"), "B": candidates.served(SEED, models["B"])}
nothing = candidates.approving_everything(SEED)
earned = {name: run.expected_value / 100 for name, run in runs.items()}
title = f"A earns {earned['A']:,.0f} euros, B {earned['B']:,.0f}; approving everybody, {nothing:,.0f}"
lines = {name: run.value_by_tick().cumsum() for name, run in runs.items()}
axes = charts.value_over_time(lines, title=title)
charts.show(axes, alt=f"Expected euros in thirty days: A {earned['A']:,.0f}, B {earned['B']:,.0f}.")
outcome = as_bet1_says(earned["A"], earned["B"], nothing)
bet1.reveal(outcome, f"The AUC said {area['A']:.3f} and {area['B']:.3f}.")
usual = "in most worlds B earns less than approving everybody"
expect(outcome == "less than approving everybody", usual, f"it earns {outcome}, and that is worth a look")

# %% [markdown]
# Nothing is broken. No field is missing, no server is slow, and the ranking is as good as the slide says.
#
# ## Open the bonnet
# This is where a score becomes money. Put your finger on the places where `harm`, the score, stands.

# %%
print(inspect.getsource(Policy.expected_cents).split('"""')[2])

# %% [markdown]
# It is *multiplied*. By a margin, by a loss, by the price of an angry customer. A ranking has no such use for a score; a price has. So it matters what a score of .3 means, and there is one honest meaning: of the payments that get it, three in ten are fraud. A model of which that is true is **calibrated**.

# %%
tables = {
    name: charts.calibration_table(model.predict(test), label.astype(float)) for name, model in models.items()
}
said = {name: model.predict(test).mean() for name, model in models.items()}
title = f"B says fraud with {said['B']:.0%} on average, and {label.mean():.2%} are"
axes = charts.calibration_curve(tables, title=title)
charts.show(axes, alt=f"Mean score: A {said['A']:.4f}, B {said['B']:.4f}; observed {label.mean():.4f}.")

# %% [markdown]
# ## The tempting fix
# "Then we move the threshold." Here it is moved: all scores from a cut on are blocked, on the payments of the month that A has served. What each was worth is the world's own expectation; upkeep and reviewers stand in another account. First the cut with the best F1 on B's test rows, then B's best cut, which is known only afterwards, then A with one cut for each amount: that one you write yourself, below.

# %%
rows, other = candidates.priced(runs["A"]), candidates.priced(runs["A"], models["B"])
f1_cut = best_f1_cut(models["B"].predict(test), label.astype(float))
best_cut = Explorer(other).curve.idxmax()
found = {
    f"B, {f1_cut:.2f} and above blocked": Explorer(other, f1_cut).by_cut,
    f"B, the best cut afterwards, {best_cut:.2f}": Explorer(other).curve.max() / 100,
    "A, a cut for each amount, no search": Explorer(rows).by_amount,
}
print(pd.Series(found).map("{:,.0f} euros".format).to_string())

# %% [markdown]
# A cut rescues a ranking, and on this account it rescues a good deal. It cannot rescue a price: the queue of the reviewers, the rules for large amounts, the estimate of next week's losses all read the same score, and go on believing it. Every consumer would need a cut of its own, found by trying.
#
# ## One formula
# You know what was done to B: one class was counted more often. Take it out again. Stuck? `q1.hint()`, then `q1.solution()`.

# %%
q1

# %% tags=["exercise"] exercise_id="lesson06.q1"
def probability(score, weight):
    ...

q1.check(probability)

# %% [markdown]
# The same B, our formula behind it, the same thirty days.

# %%
bet2.guess(...)  # of 100 euros between B and A

# %%
back = candidates.Unweighted(models["B"], weight, answers.probability)
repaired = candidates.served(SEED, back).expected_value / 100
share = 100 * (repaired - earned["B"]) / (earned["A"] - earned["B"])
print(f"A {earned['A']:,.0f}, B {earned['B']:,.0f}, B with the formula {repaired:,.0f} euros")
bet2.reveal(round(share), f"AUC: {auc(back.predict(test), label):.3f}, as before. It never knew.")

# %% [markdown]
# No row has changed its place. The information was all there, in the wrong unit. Where nobody wrote the weight down, `CalibratedModel` learns the way back from rows that the model has not seen.
#
# ## A cut for each amount
# Suppose every false alarm cost 5 and every missed fraud 100. Then blocking pays from a probability of 5 / 105 on, and no data set has been asked. Here both prices hang on the amount: a wrongly blocked coffee costs a customer's temper, a missed television costs a television.

# %%
print(f"false alarm 5, missed fraud 100: block from {5 / 105:.4f} on")
euros = np.array([5, 50, 500, 5_000])
cents = euros * 100
margin, loss = mls.COSTS.margin(cents), mls.COSTS.fraud_loss(cents)
cut = (margin + mls.COSTS.friction) / (margin + mls.COSTS.friction + loss)
print(pd.DataFrame({"euros": euros, "block from": cut.round(3)}).to_string(index=False))
q2

# %% tags=["exercise"] exercise_id="lesson06.q2"
def block(probability, cents):
    costs = mls.COSTS
    approve = ...  # expected cents of approving
    return ...

q2.check(block)

# %%
explorer = Explorer(rows)
for cut in (0.5, 0.05):
    print(explorer.set(cut), "\n")
widget(rows)

# %% [markdown]
# Move the cut. The best single cut is known only when the month is over, and moves with the next price list; the cut for each amount was never searched for. And look at the last number. That is the **Bayes reference**, the better action on every row by the world's own probabilities.

# %%
boosted = candidates.boosted(SEED)
curves = {"A": explorer.curve, "boosted": Explorer(candidates.priced(runs["A"], boosted)).curve}
curves = {name: curve[(curve.index > 0.001) & (curve.index <= 1)] for name, curve in curves.items()}
best = {name: curve.max() / 100 for name, curve in curves.items()}
lead = auc(boosted.predict(test), label) - area["A"]
worth = best["boosted"] - best["A"]
title = f"{100 * lead:+.1f} points of AUC: {worth:+,.0f} euros a month, each at its best cut"
axes = monitoring_charts.decision_curve(curves, title=title, reference=explorer.limit * 100)
charts.show(axes, alt=f"Best euros by cut: {({k: round(v) for k, v in best.items()})}; limit {explorer.limit:,.0f}.")

# %% [markdown]
# ## Rules have reasons
# Some decisions should not wait for a probability. A **business rule** is a line of data with an action and a reason, and the reason stays with the payment: somebody will ask. The policy below is what stands between the score and the customer.

# %%
for rule in mls.resilient_system(seed=SEED).decisions.policy.rules:
    print(rule)
log = runs["A"].log
print("\n", pd.crosstab(log["reason"], log["final_action"]).to_string())

# %% [markdown]
# A month of a small business shows few reasons. One more is rare on purpose: `exploration`, a would-be block that was let through to learn from. Its chance, the **propensity**, is written beside it, and lesson 09 lives on that column.
#
# ## You need confidence
# When the model is unsure, ask somebody. But a score near one half is not "unsure" in any unit that a person's hour is paid in. A look is worth what it earns beyond the better of the two actions that need nobody.

# %%
q3

# %% tags=["exercise"] exercise_id="lesson06.q3"
def to_review(approve, block, review, capacity):
    value = ...
    shown = np.zeros(len(approve), dtype=bool)
    ...
    return shown

q3.check(to_review)

# %% [markdown]
# People are paid by the minute, and err where the model errs: in the grey zone, professional analysts found one fraud in three and accused one honest customer in eight. So take few looks, and the best ones. This business has room for two cases a day, and from all that is worth a look the queue takes the two most valuable. Thirty days in each of twenty worlds that no lesson shows, with reviewers and without.

# %%
bet3.guess(...)  # of 20 worlds in which two looks a day earn more than no reviewers

# %%
found = review_rooms.stored()
effects, gains = review_rooms.summary(found), review_rooms.against_nobody(found)
few, many = effects["effect"].iloc[[0, -1]]
title = f"Room for 2 cases a day: {few:+,.0f} euros a month; room for 32: {many:+,.0f}"
axes = charts.bars_with_intervals(effects, title=title, unit="euros in thirty days against no reviewers")
charts.show(axes, alt=f"Euros against no reviewers: {effects['effect'].round().astype(int).to_dict()}.")
bet3.reveal(int((gains[2] > 0).sum()), "And these are the two most valuable cases of each day.")
per_room = found[found["room"] > 0].groupby("room")[["looks", "unreached", "work", "looked_at", "left"]].mean()
print(per_room.round(0).astype(int).to_string())

# %% [markdown]
# Means of a month, the first three in euros. The looks earn their minutes with any team. What a small team pays for is the column beside them: a payment that is held and not reached by midnight is approved, also one that the policy alone would have blocked. A queue is a promise.
#
# And more room is no use without end. Divide `looked_at` by thirty: so many cases a day are worth a look here, and a chair beyond that stays empty.
#
# ## Who decided?
# Each payment says who had the last word: the policy, a reviewer, or the clock, where nobody came. Where a person's word differs from what the policy would have done without people, somebody has **overridden** the system. It is worth counting: a system that is never overruled does not need reviewers, and one that is overruled daily does not need itself.

# %%
print(log["decided_by"].value_counts().to_string(), "\n")
said = candidates.overrides(runs["A"])
overruled = said.to_numpy().sum() - sum(said.loc[word, word] for word in said.index if word in said)
print(f"{said.to_string()}\n\n{overruled} of {said.to_numpy().sum()} looks overruled the policy")

# %% [markdown]
# ## How sure?
# Twenty worlds that no lesson shows, A and B in each.

# %%
c12 = claims.stored("C12")
print(stored_claims.told(c12), *c12.notes[:1], sep="\n    ")
print(c12.table.query("incidents == 1").iloc[:, 1:].round(3).to_string(index=False))

# %% [markdown]
# The money is beyond doubt, and "undecided" is about the other half: whether an AUC that much lower is still as good, at the strictness that twenty-eight claims demand. Where B has the better AUC it is the poorer business every time.
#
# And the sentence on every consultant's slide: a model is less than a model with rules, and that is less than a model with rules and judgment. Each step has to pay for itself.

# %%
c13 = claims.stored("C13")
effects = stored_claims.effects(c13)
told = ", ".join(f"{name} {row.effect:+.1f}" for name, row in effects.iterrows())
axes = charts.bars_with_intervals(effects, title=f"Euros per 1,000 payments: {told}", unit="euros per 1,000 payments")
charts.show(axes, alt=f"Euros per 1,000 payments: {effects['effect'].round(1).to_dict()}")
print(stored_claims.told(c13))
print(c13.table.query("incidents == 1").iloc[:, 1:].round(1).to_string(index=False))
c14 = claims.stored("C14")  # of a front page: one recipe learns what was clicked, or what was ordered
print(stored_claims.told(c14), *c14.notes[1:2], sep="\n    ")
print(c14.table.query("incidents == 1").iloc[:, 1:].round(2).to_string(index=False))

# %% [markdown]
# It does not hold here, and it is worth asking why. By themselves the two rules change nothing: one speaks of a card that is used eight times in an hour, the other sends to people, and there are none. And the team is the small one that you have met: its looks earn something, its minutes and the rows that it does not reach take it back. The verdict is about this business with these people. Before you quote it, ask what a rule of yours would have had to catch, and whether your queue is emptied by midnight.
#
# Below it stands *recommendation is not conversion*, on a front page with clickbait. Showing everything is what costs there. Which column a model has learned, clicks or orders, moves the money less than twenty worlds can tell from nothing: it reads the items' order rates either way, and clicks are many where orders are few.
#
# ## Your own policy
# You inherit a policy that wants to learn at any price. Make it pay.

# %%
q4

# %% tags=["exercise"] exercise_id="lesson06.q4"
def my_policy(inherited):
    from dataclasses import replace

    return replace(inherited, explore_share=...)

q4.check(my_policy)

# %% [markdown]
# ## Your runbook line
# A model with a better metric goes live, and the block rate doubles. What do you look at first, who owns the price list, what do you do, how do you go back?

# %%
runbook.add("lesson06", signal=..., owner=..., action=..., rollback=...)
five_questions.answer("lesson06", 4, ...)  # how do we know when the model is wrong?

# %% [markdown]
# ## Carry it home
# - Take the score that your team is proudest of. Of the cases that got .3, how many turned out to be what the score says?
# - Who in your company could change the price of a false alarm this afternoon, and where is it written?
#
# *Read on:* Elkan, *The foundations of cost-sensitive learning* (2001): thresholds from prices. Vickers and Elkin, *Decision curve analysis* (2006): models compared where they are used.
