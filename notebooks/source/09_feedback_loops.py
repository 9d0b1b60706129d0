# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
#   named_surprise: >-
#     A competent guess: a good fraud model makes a good next one. What happens: refitted each month on
#     what it let through, the boosted model's successor catches nothing, the one after that nearly all,
#     the next nothing; a logistic curve, fitted on the same rows, does not notice.
# ---

# %% [markdown]
# # 09 · Feedback loops
#
# *Monday, 08:15, the first of the month.* The new model went live at midnight: same code, same settings, fresh data. The fraud desk has been waiting for its morning queue for an hour. It is empty. The head of fraud asks whether the thieves are on holiday.

# %%
import inspect

import numpy as np
import pandas as pd

from mlsys_lessons import charts
from mlsys_lessons.experiments import adaptive_fraud, selective_labels
from mlsys_lessons.lessons import five_questions, runbook, stored_claims
from mlsys_lessons.lessons.expectation import expect
from mlsys_lessons.lessons.lesson09 import answers, successors
from mlsys_lessons.lessons.lesson09.questions import bet1, bet2, bet3, bet4, bet5, q1, q2, q3, q4

# %% [markdown]
# ## A town with one number
# To see it plainly, take a town as small as it can be: 50,000 payments a month, one in a hundred a fraud. One number describes a payment. It scatters around 0 for the genuine and around 5 for frauds, by one either way. Whoever scores above one half is blocked. A fraud that passes costs 65 euros, a
# good customer who is stopped 5.
#
# Here is a month of it, by what the first model says.

# %%
SEED = 7
x, fraud = successors.TOWN.month(SEED, 0)
first = successors.boosted().fit(x[:, None], fraud.astype(int))
bins = pd.cut(x, range(-4, 10))
pd.DataFrame({"payments": 1, "frauds": fraud, "score": first.predict_proba(x[:, None])[:, 1]}).groupby(
    bins, observed=True).agg({"payments": "sum", "frauds": "sum", "score": "mean"}).round(3)

# %% [markdown]
# Few problems at work are as easy. The model lives for a month. Then it is refitted, as the calendar says, on last month's payments: those that have a label. What was blocked has none.

# %%
bet1.guess(...)  # per cent of the frauds that the next model catches

# %%
boosted = successors.months("boosted", selective_labels.passed_only, seed=SEED)
title = "Month 1 catches {:.0%} of the frauds, month 2 {:.0%}".format(*boosted["recall"].iloc[:2])
axes = charts.metric_over_time({"boosted": boosted["recall"]}, title=title, unit="share of frauds caught")
axes.set_xlabel("month", loc="right")
charts.show(axes, alt=f"{title}; by month {boosted['recall'].round(2).tolist()}.")
bet1.reveal(round(100 * boosted["recall"].iloc[1]), "The month after, it is back. And then not.")
expect(boosted["recall"].iloc[1] < 0.1 < boosted["recall"].iloc[2], "every second is blind", "luck of bins")
passed = first.predict_proba(x[:, None])[:, 1] <= 0.5
seen = pd.DataFrame({"payments that passed": passed, "frauds that passed": passed & fraud})
seen.groupby(bins, observed=True).sum()

# %% [markdown]
# Nothing in the code has changed from month to month. The table is what the second model was given to learn from: what passed in month 1. Far to the right there is not one payment. And what has passed is what the first model gave at most one half: at the right edge of the table, frauds and good customers are mixed, by construction. A tree's last leaf holds that edge and says: less than one half. To the right of its last row a tree repeats its
# last word. So it blocks nobody; so the month after it sees everything; so its successor is splendid.
# (Splendid is .8 or .98: these trees see a number in 255 steps of equally many payments, and all frauds lie in the last two and a half. One step has about as many frauds as others, and luck decides it.)
#
# This is **selective labels**: the decision decides what can be learned. Every offline number of the second model is fine, since it is tested on payments of the same kind.
#
# ## The humble one
# Now the same months with a logistic curve.

# %%
bet2.guess(...)  # "catches nothing", "catches half" or "catches as before"

# %%
humble = successors.months("logistic", selective_labels.passed_only, seed=SEED)
title = "The logistic curve does not notice what the trees cannot survive"
lines = {"boosted": boosted["recall"], "logistic": humble["recall"]}
axes = charts.metric_over_time(lines, title=title, unit="share of frauds caught")
axes.set_xlabel("month", loc="right")
charts.show(axes, alt=f"{title}; logistic by month {humble['recall'].round(2).tolist()}.")
second = humble["recall"].iloc[1]
word = np.select([second < 0.1, second < 0.7], ["catches nothing", "catches half"], "catches as before")
bet2.reveal(str(word), "It was given the same kind of rows.")

# %% [markdown]
# The rows were chosen by `x` alone. That leaves P(fraud given x) as it is: in each slice, the share of frauds among what passed is the share among all. A curve of the right shape is fixed by the slices it has, and goes on beyond them. Trees do not go on; and a curve of the wrong shape goes on wrongly.
#
# Do not take comfort in it. At work nobody knows the right shape.
#
# ## The tempting fix
# "Then give the blocked ones a label." There are two ways. **Own decisions as labels**: we blocked it, so it was fraud. **Reject inference**: it is fraud as often as the model says, a trick of credit scoring. Here are both, as the code has them.

# %%
print(inspect.getsource(selective_labels.own_decisions))
print(inspect.getsource(selective_labels.reject_inference))
tempting = {name: successors.months("boosted", successors.SOURCES[name], seed=SEED)["recall"]
            for name in ("own decisions", "reject inference")}  # fmt: skip
pd.DataFrame({"what passed": boosted["recall"], **tempting}).T.round(2)

# %% [markdown]
# That looks mended. Both loops keep catching. Watch what they keep doing when the world gives them a reason to stop.
#
# Month 5: a launch. From then on three genuine payments in ten are new customers who, by our one number, look as frauds do. Of those who look like it, now three in a hundred are frauds. Blocking them all is wrong, and dear. The labels to learn it from belong to people who are blocked.

# %%
bet3.guess(...)  # "at once", "the next month" or "never"

# %%
town = successors.AFTER_A_LAUNCH
blocked = {
    way: successors.months("naive Bayes", successors.SOURCES[way], seed=SEED, count=9, population=town).blocked
    for way in ("own decisions", "reject inference")
}
worst = min(series.iloc[-1] for series in blocked.values())
title = f"Four months after the launch {worst:.0%} of all payments are still blocked"
axes = charts.metric_over_time(blocked, title=title, unit="share blocked", windows=[(5, 9, "launch")])
axes.set_xlabel("month", loc="right")
charts.show(axes, alt=f"{title}, by both ways of labelling one's own blocks.")
bet3.reveal("never" if worst > 0.2 else "the next month", "They learn what they have always believed.")
expect(worst > 0.2, "a belief that labels its own blocks is never wrong", "never")

# %% [markdown]
# An own decision that is used as a label is an error that repeats itself with a fresh date. Even in the quiet months it drifts: the good customers just above the cut are filed as frauds, so the cut moves down, so more of them are. Ten towns, without a launch, first month against sixth:

# %%
drift = []
for seed in range(300, 310):
    found = successors.months("logistic", selective_labels.own_decisions, seed=seed)
    drift.append((found.iloc[5] - found.iloc[0])[["blocked", "recall", "precision"]])
pd.DataFrame(drift).astype(float).agg(["mean", "min", "max"]).round(4)

# %% [markdown]
# More blocked, more caught, less precise: on a dashboard of recall it is progress.
#
# ## Let a few through
# A label of a blocked payment exists only if it was not blocked. So let two of a hundred pass, by a coin, and write down how likely that was: its **propensity**. A payment that got through with a chance of one in fifty stands for fifty. Write what each row stands for.

# %%
q1

# %% tags=["exercise"] exercise_id="lesson09.q1"
def row_weights(blocked, passed, share):
    ...

q1.check(row_weights)

# %%
coin = np.random.default_rng(SEED).random(len(x)) < 0.02
stopped = first.predict_proba(x[:, None])[:, 1] > 0.5
weight = answers.row_weights(stopped, ~stopped | coin, 0.02)
print(f"{stopped.sum()} would be blocked, {(stopped & coin).sum()} pass; {fraud.sum()} frauds, of which")
print(f"{fraud[weight > 0].sum()} can be seen, and they stand for {weight[fraud].sum():,.0f}")

# %% [markdown]
# A handful of rows stands for hundreds. That is the price of it in noise. Now the price in money: what exploration lets through is mostly fraud, at 65 euros each.

# %%
bet4.guess(...)  # "less", "about the same" or "more"

# %%
explored = successors.months("boosted", selective_labels.weighted, seed=SEED, share=0.02)
gain = explored["euros"].mean() - boosted["euros"].mean()
title = f"Letting 2 % of the blocks through is worth {gain:,.0f} euros a month"
lines = {"learns from what passed": boosted["euros"], "2 % explored, weighted": explored["euros"]}
axes = charts.metric_over_time(lines, title=title, unit="euros a month; fraud and friction")
axes.set_xlabel("month", loc="right")
charts.show(axes, alt=f"{title}: {boosted['euros'].mean():,.0f} against {explored['euros'].mean():,.0f}.")
word = np.select([gain < -500, gain > 500], ["less", "more"], "about the same")
bet4.reveal(str(word), "The lesson was cheap.")
expect(gain > 0, "a little exploration pays for itself", "few frauds were let through by luck")
found = successors.after_the_launch(SEED, share=0.02)
pd.DataFrame({**blocked, "2 % explored": found["blocked"]}).T.round(3)

# %% [markdown]
# The table is the share of payments blocked, by month, after the launch. It blocks the newcomers for one month. Then it has seen enough of them. It also stops catching frauds that hide among them: with this one number nobody can, and the money says so.
#
# ## How sure?
# Twenty other towns, nine months each, launch included. Below the figure is what the talk says of it, in the running system.

# %%
effects = successors.against("Bayes, what passed")
title = f"Exploring is worth {effects.loc['Bayes, weighted', 'effect']:,.0f} euros a month; believing costs"
charts.show(charts.bars_with_intervals(effects, title=title, unit="euros a month against what passed"),
            alt=f"Euros: {effects['effect'].round().astype(int).to_dict()}")  # fmt: skip
for name in ("C19", "C20"):
    print(stored_claims.all_told(name), "\n")

# %% [markdown]
# Where does it stop being true? Where nothing changes and the shape is right, exploration is a cost without a yield: the logistic town of months 1 to 4 needed none. It is an insurance, and its premium is what you have just seen.
#
# Two sentences of the talk say it of the running system: eight months, refitted every six weeks. A town with one number was made to show a mechanism. The business has sixteen, blocks one payment in a few hundred, and gates its refits: ask for the size before you carry a mechanism home.
#
# ## The log can answer
# A log with propensities can do more than train. Somebody wants another cut than the .10 of some log: fewer stopped, at what price? Without trying it on anybody, the rows on which both cuts agree say what it would bring, each weighted by one over the chance of what was done. Write it, and let it refuse where few rows count.

# %%
q2

# %% tags=["exercise"] exercise_id="lesson09.q2"
def judge_cut(would_block, passed, propensity, cents):
    ...

q2.check(judge_cut)

# %%
generator, n = np.random.default_rng(SEED), 200_000
score = generator.beta(0.3, 6, n)
bad, rows = generator.random(n) < score, {}
approve, block = np.where(bad, -6_500.0, 150.0), np.where(bad, 0.0, -500.0)
old = score > 0.10
passing = ~old | (generator.random(n) < 0.1)
chance = np.where(old, np.where(passing, 0.1, 0.9), 1.0)
for cut, new in ((cut, score > cut) for cut in (0.05, 0.10, 0.15, 0.20, 0.30)):
    low, value, high = answers.judge_cut(new, passing, chance, np.where(passing, approve, block))
    rows[cut] = {"low": low, "estimate": value, "high": high, "truth": np.where(new, block, approve).mean()}
    print(cut, successors.asked(new, passing, chance, np.where(passing, approve, block)))
pd.DataFrame(rows).T.round(1)

# %% [markdown]
# The last column is what only a simulated world can know. The table's first row has a gap in its reasoning: below the old cut nothing was ever blocked, so the log holds no row in which a new, lower cut would have blocked. It leaves them out, and answers about somebody else. The package's own version, in the lines above the table, asks whether the weights add up, and refuses.
#
# ## The loop as an attack surface
# Whoever feeds the labels writes the next model. Suppose that nine reports in ten never come: a ring that refunds those who complain, or a job that drops them. Nobody breaks into anything.

# %%
quiet = selective_labels.poisoned(selective_labels.weighted, share=0.9)
poisoned = successors.months("logistic", quiet, seed=SEED, share=0.02)
honest = successors.months("logistic", selective_labels.weighted, seed=SEED, share=0.02)
pd.DataFrame({"honest": honest["recall"], "nine reports in ten missing": poisoned["recall"]}).T.round(2)

# %% [markdown]
# Retraining is code that strangers can run. It wants a gate: a champion to beat on rows that are known to be right, a limit to how far the fraud rate in the training table may move in a month, and a way back.
#
# ## Play
# A model, what it learns from, how much is explored. The text below is one setting; the form has them all. Which settings survive the launch? Below the form you are asked for a loop of your own.

# %%
print(successors.Loop(seed=SEED))
successors.widget(SEED)

# %%
q3

# %% tags=["exercise"] exercise_id="lesson09.q3"
def my_loop():
    import numpy as np

    def weights(month):
        return np.where(month.passed, 1.0, 0.0)

    return 0.0, weights

q3.check(my_loop)

# %% [markdown]
# ## They test you
# There is a loop on the other side of the counter too. A ring sends half of its first payments on a card as tests: at the amount that halves what it does not know. It cashes out just below what passes. How quickly it learns is up to the shop: an answer that may have come from anything teaches nothing, one that names its reason halves the rest. Bisection: six answers for one part in 64.
#
# The running system now, with the notebook's cut, in worlds that no page has shown (sixty days, the last forty counted). What does it cost that the shop names its reasons?

# %%
bet5.guess(...)  # "both fall", "recall holds, money falls" or "both hold"

# %%
hunted = adaptive_fraud.stored().query("from_day >= 20")
table = hunted.groupby(["told", "defence"], sort=False)[["recall", "through", "wronged", "euros"]].mean()
quiet, named = (table.loc[(told, "plain cut")] for told in ("tells nothing", "names reasons"))
holds = named.recall > quiet.recall - 0.02
fell = named.euros < 0.95 * quiet.euros
word = np.select([not holds, fell], ["both fall", "recall holds, money falls"], "both hold")
losses = adaptive_fraud.lost_by_naming(hunted)
title = f"Told the reasons, rings take {-losses.loc['plain cut', 'effect']:,.0f} euros more per 1,000 payments"
charts.show(charts.bars_with_intervals(losses, title=title, unit="euros per 1,000 payments, named against not"),
            alt=f"{title}; all four: {losses['effect'].round().astype(int).to_dict()}")  # fmt: skip
bet5.reveal(str(word), f"A fraud that passes: {quiet.through:.0f} euros untold, {named.through:.0f} told.")
table.round({"recall": 2, "through": 0, "wronged": 2, "euros": 0})

# %% [markdown]
# Recall counts frauds. They let you have some more of them, and make the others larger. The tempting repairs act on the search: a cut that moves by request hides where it lies, a limit by card makes answers dearer. Neither touches what is found. `prices` is lesson 06's policy: it minds amounts, so that the largest payment that passes is a smaller one. It also blocks more good customers, and is worth it. Worlds differ: in some the rings' search ends where it does no harm. Your turn, in worlds that you have not seen.

# %%
q4

# %% tags=["exercise"] exercise_id="lesson09.q4"
def my_defence(cut, domain):
    from mlsys_lessons.components import decisions

    return decisions.ScoreCut(cut, domain)

q4.check(my_defence)

# %% [markdown]
# ## Your runbook line
# The blocked share has halved the day after a refit. What do you look at, who owns it, what do you do, how do you go back?

# %%
runbook.add("lesson09", signal=..., owner=..., action=..., rollback=...)
five_questions.answer("lesson09", 1, ...)  # where does the data come from? who decided what is in it?

# %% [markdown]
# ## Carry it home
# - Of the rows that your model was last trained on, how many could have been decided otherwise, and is the chance written down?
# - When your system says no, how would it ever find out that it was wrong?
#
# *Read on:* Lakkaraju and others, *The selective labels problem* (2017). Sculley and others, *Hidden technical debt in machine learning systems* (2015), on feedback loops. Perdomo and others, *Performative prediction* (2020).
