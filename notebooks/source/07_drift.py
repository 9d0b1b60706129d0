# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
#   named_surprise: >-
#     A competent guess: the column with the biggest PSI is the biggest problem. What happens: a
#     shift of time zones moves a column to a PSI of .3 and costs nothing; what costs most, a table
#     that is three days old or another portfolio's model, moves no raw column at all (PSI .001).
# ---

# %% [markdown]
# # 07 · Drift
#
# *Thursday, 09:10.* The drift report has come by mail, as on each morning. One line in it is red. The analyst who reads it wants to know one thing: is this a problem, or is it Thursday?
#
# You have time to look at one line.

# %%
import inspect

import numpy as np
import pandas as pd

import mlsys_lessons as mls
from mlsys_lessons import charts, claims
from mlsys_lessons.lessons import five_questions, runbook, stored_claims
from mlsys_lessons.lessons.expectation import expect
from mlsys_lessons.lessons.lesson07 import four_reports, moved_worlds, three_shifts
from mlsys_lessons.lessons.lesson07.answers import psi_limit as our_limit
from mlsys_lessons.lessons.lesson07.drift_explorer import Explorer, widget
from mlsys_lessons.lessons.lesson07.questions import bet1, bet2, bet3, bet4, q1, q2, q3, q4

# %% [markdown]
# ## Four mornings
# The same two weeks of one business, run four times more, each time with one thing wrong from the first day on. Six raw columns are compared with the four weeks before. The score is the **population stability index** (PSI): cut the reference into ten equal parts, count how many of today's rows fall into each, and add up how far the shares have moved. The textbook calls .1 a moderate change and .25 a large one.

# %%
SEED = 7
moved = moved_worlds.largest_psi(SEED)
scores = moved["PSI"].astype(float)
print(moved.assign(PSI=scores.map("{:.3f}".format)).iloc[1:].to_string())

# %%
bet1.guess(...)  # "missing amounts", "time zone", "old table" or "wrong model"

# %%
lost = moved_worlds.lost(SEED).iloc[1:]
dearest, loudest = lost.idxmax(), scores.iloc[1:].idxmax()
effects = pd.DataFrame(dict.fromkeys(("effect", "low", "high"), lost))
first, second = (f"PSI {scores[case]:.3f} costs {lost[case]:,.0f} euros" for case in (loudest, dearest))
title = f"{first}; {second}"
axes = charts.bars_with_intervals(effects, title=title, unit="euros lost in two weeks")
charts.show(axes, alt=f"Euros lost in two weeks: {lost.round().astype(int).to_dict()}.")
bet1.reveal(dearest, f"Its most moved column has a PSI of {scores[dearest]:.3f}.")
expect(
    dearest != loudest and scores[dearest] < 0.1, "in most worlds the dearest case moves no column",
    "two weeks are short, and a few large frauds can turn the order",
)

# %% [markdown]
# The stamps of half of the merchants are six hours off, and the contract does not believe them: the column drifts, the decisions stand. The old table moves nothing that anybody sends. It is a *feature* that is gone, and with it what the model knew of the customer.
#
# Drift is a statement about inputs. Harm is a statement about decisions. Nothing makes them the same.
#
# ## Three things that move
# What can move at all? The inputs (**covariate shift**), what they mean (**concept drift**), or how often each class comes (**label shift**). Here is the smallest model that can tell the first two apart: one input, and a rule that was right.

# %%
table = three_shifts.shifts(SEED)
good, bad = table.loc["covariate shift"], table.loc["concept drift, reversed"]
title = "; ".join(f"PSI {row.iloc[0]:.3f}, {row.iloc[1]:.0%} right" for row in (good, bad))
axes = charts.heat_map(table[["accuracy"]] * 100, title=title, unit="percent right")
charts.show(axes, alt=f"Accuracy by shift: {table['accuracy'].round(3).to_dict()}.")
print(table.round(4).to_string())

# %% [markdown]
# The input with the enormous PSI made the model *better*: more of the customers are now easy. The two that ruin it leave the input exactly where it was. No score of inputs, however clever, can see them.
#
# Label shift is kinder. The inputs of each class stay as they are, so the share of flagged rows says how often the class comes, once the flag's own errors are known.

# %%
true_positive, false_positive, before, now = 0.8, 0.05, 0.02, 0.06
flagged = [rate * true_positive + (1 - rate) * false_positive for rate in (before, now)]
recovered = (flagged[1] - false_positive) / (true_positive - false_positive)
print(f"flagged: {flagged[0]:.3f}, then {flagged[1]:.3f}; frauds: {before:.1%}, then {recovered:.1%}")

# %% [markdown]
# ## A score by hand
# Before you believe a number, make it once. The bins, the floor and the edges below are *one* convention. Stuck? `q1.hint()`, then `q1.solution()`.

# %%
q1

# %% tags=["exercise"] exercise_id="lesson07.q1"
def psi(reference, current):
    edges = np.quantile(reference, np.arange(1, 10) / 10)
    ...

q1.check(psi)

# %%
luck = np.random.default_rng(SEED)
tail, same_tail = np.exp(luck.normal(3, 1, (2, 20_000)))
widths = {"bins": 30, "edges": "pooled_width"}
named = {
    "deciles of the reference": mls.drift.psi(tail, same_tail),
    "30 equal widths, empty = 1e-4": mls.drift.psi(tail, same_tail, **widths),
    "30 equal widths, empty = 1e-300": mls.drift.psi(tail, same_tail, floor=1e-300, **widths),
}
print("One column, nothing has moved. Its PSI:", pd.Series(named).map("{:.4f}".format).to_string(), sep="\n")

# %% [markdown]
# A PSI without its binning rule is not a number.
#
# ## A hundred rows
# Now nothing moves at all. Two samples of 100 rows each, drawn from one distribution, ten bins. The textbook's limit is .1.

# %%
bet2.guess(...)  # the average PSI

# %%
quiet = luck.normal(size=(2, 1_000, 100))
chance = np.array([mls.drift.psi(*pair) for pair in zip(*quiet, strict=True)])
by_formula = 9 * (1 / 100 + 1 / 100)
bet2.reveal(round(float(chance.mean()), 3), f"(bins - 1)(1/n + 1/m) says {by_formula:.2f}.")
print(f"days on which .1 calls: {np.mean(chance > 0.1):.0%}")
q2

# %% [markdown]
# The limit is not wrong. It was made for portfolios of thousands of rows, and nobody wrote that beside it. Write the one that knows its rows.

# %% tags=["exercise"] exercise_id="lesson07.q2"
def psi_limit(bins, reference_rows, current_rows, rate):
    from scipy.stats import chi2

    ...

q2.check(psi_limit)

# %%
kept = {}
for rows in (100, 400, 1_600):
    pairs = luck.normal(size=(500, 2, rows))
    values = np.array([mls.drift.psi(*pair) for pair in pairs])
    own = our_limit(10, rows, rows, 0.05)
    kept[f"{rows:,} rows"] = {".1": (values > 0.1).mean(), "own limit, 5 %": (values > own).mean()}
print((100 * pd.DataFrame(kept).T).round(1).to_string(), "\n(percent of quiet days that call)")

# %%
explorer = Explorer(seed=SEED)
print(explorer, explorer.set(rows=20_000, shift=0.1), sep="\n")
widget(seed=SEED)

# %% [markdown]
# Move the sliders. With few rows .1 calls for nothing; with many it sleeps through what is surely there. Whether it *matters* is a third question, and no slider answers it.
#
# The formula speaks of rows drawn at random. Is a day of your business such a draw? Claim C16 asked that of healthy worlds.

# %%
c16 = claims.stored("C16")
print(stored_claims.told(c16), c16.table.round(1).to_string(index=False), sep="\n\n")

# %% [markdown]
# Of 1,000 healthy column-days the own limit was to call on five. It calls more often, and the more rows the worse: a Saturday is no random draw of a month. That noise does not shrink with rows.
#
# ## Is it Thursday?
# Ten thousand payments a day, a fifth fewer at weekends, limits of three standard deviations. Which days are compared decides everything.

# %%
week = np.where(np.arange(7) < 5, 10_000, 8_000)
volume = luck.poisson(np.tile(week, 60))
day = np.arange(28, len(volume))
fair = np.array([volume[list(mls.same_weekday(int(t)))].mean() for t in day])
flat = np.ones(len(day))
baselines = {"weekday mean": 10_000 * flat, "mean of seven days": week.mean() * flat, "same weekday": fair}
rates = {}
for name, usual in baselines.items():
    spread = np.sqrt(usual * (1.25 if name == "same weekday" else 1.0))  # four days are a sample too
    rates[name] = 100 * (np.abs(volume[day] - usual) > 3 * spread).mean()
print("days that call, in percent:", pd.Series(rates).map("{:.1f}".format).to_string(), sep="\n")

# %% [markdown]
# ## Twenty columns
# Each of twenty columns is quiet, and each is tested at 5 %. That is one false alarm in twenty looks.

# %%
bet3.guess(...)  # of 100 days

# %%
p = luck.random((4_000, 20))
any_call = (p < 0.05).any(axis=1).mean()
corrected = np.mean([min(mls.multiplicity.bonferroni(row)) < 0.05 for row in p])
bet3.reveal(round(100 * float(any_call)), f"1 - .95^20 is {1 - 0.95**20:.0%}.")
print(f"with Bonferroni: {corrected:.1%} of days")
q3

# %% tags=["exercise"] exercise_id="lesson07.q3"
def alarms(p_values, rate):
    ordered = np.sort(p_values)
    ...

q3.check(alarms)

# %% [markdown]
# ## Four reports
# Twenty columns, 50,000 rows before and 50,000 now. Four have truly moved. Four reports are made of them, each by conventions that a widely used tool has published: PSI on equal widths at .1; distances at .1; p-values at .05, with words tested against the reference *as if it were the truth*; p-values of two samples, corrected.

# %%
bet4.guess(...)  # columns named by the quietest report

# %%
before, now = four_reports.pair(SEED)
found = four_reports.flagged(before, now)
verdicts = four_reports.verdicts(found)
least = min(len(columns) for columns in found.values())
title = f"Same data, four reports: {', '.join(str(len(columns)) for columns in found.values())} columns flagged"
axes = charts.heat_map(verdicts, title=title, unit="columns")
charts.show(axes, alt=f"Right, wrong, missed: {verdicts.to_dict('index')}.")
bet4.reveal(least, "A default is somebody's opinion about somebody else's data.")

# %%
wrong = [name for name in found["p below .05"] if name not in four_reports.MOVED]
words = [name for name in wrong if name in ("few", "five", "eight", "twenty", "fifty")]
for name in words:
    fit = mls.drift.chi2_goodness_of_fit(before[name], now[name])[1]
    both = mls.drift.chi2_test(before[name], now[name])[1]
    print(f"{name}: goodness of fit p = {fit:.2g}, contingency p = {both:.2g}")
print(inspect.getsource(mls.drift.chi2_goodness_of_fit).split('"""')[2])

# %% [markdown]
# Point at `expected`. It is the reference's shares, and the reference is a sample. Goodness of fit forgets that half of the noise.
#
# ## What no score sees
# Double the gaps of one column, change nothing else, and ask every score.

# %%
values = luck.normal(size=(2, 50_000))
lacking = luck.random(values.shape) < np.array([[0.1], [0.2]])
gaps = np.where(lacking, np.nan, values)
for score in (mls.drift.ks, mls.drift.jensen_shannon, mls.drift.wasserstein):
    print(f"{score.__name__:>24}: {score(*gaps):.4f}")
print(f" missing_rate_difference: {mls.drift.missing_rate_difference(*gaps):.4f}")

# %% [markdown]
# The scores drop what is missing before they look. Our PSI gives the gaps a bin of their own; most do not. Watch the missing rate by itself.
#
# ## A stream
# Reports come once a day. A **detector** takes one value at a time. Page-Hinkley adds up how far the values stray from their mean and calls when the sum has come too far from its lowest point. Here an error rate rises from 10 % to 20 % at value 20,000.

# %%
errors = (luck.random(40_000) < np.where(np.arange(40_000) < 20_000, 0.1, 0.2)).astype(float)
calls = mls.detectors.PageHinkley().update_many(errors)
late = calls[calls >= 20_000]
after = late[0] - 20_000 if len(late) else "no number of"
print(f"false alarms: {np.sum(calls < 20_000)}; found after {after} values")

# %% [markdown]
# It sees the errors, and so it needs labels. In payments they come weeks later. Lesson 08 is about that wait.
#
# ## How sure?
# Both directions of the sentence, in twenty worlds that no lesson shows. The price of calls is left out: whoever chases a harmless alarm pays for the alarm.

# %%
c15 = claims.stored("C15")
effects = stored_claims.effects(c15)
shown = effects.loc[["lost to the degradation"]]
psi_drift, loss = effects["effect"].iloc[0], shown["effect"].iloc[0]
drifted = c15.table.query("incidents == 1").set_index("case")
lost = drifted["lost"]
psis = drifted["PSI"]
title = f"PSI {psi_drift:.2f} costs {lost['time zone']:.1f} euros, {psis['wrong model']:.3f} costs {loss:.0f}"
axes = charts.bars_with_intervals(shown, unit="euros per 1,000 payments", title=title)
charts.show(axes, alt=f"Lost to the degradation: {loss:.1f} euros per 1,000 payments.")
print(stored_claims.told(c15), *c15.notes, sep="\n    ")
print(c15.table.round(3).to_string(index=False))

# %% [markdown]
# ## Your own board
# Write rules that call for harm, and let what merely moves wait for Monday.

# %%
q4

# %% tags=["exercise"] exercise_id="lesson07.q4"
def my_rules():
    from mlsys_lessons.domain import AlertRule

    gaps = AlertRule("inputs", "null_rate", "amount", "up", "gateway", "page", varies=False)
    return (gaps, ...)

q4.check(my_rules)

# %% [markdown]
# ## Your runbook line
# The report is red, and the till is as it was. What do you look at next, who owns the column, what do you do, and how do you go back?

# %%
runbook.add("lesson07", signal=..., owner=..., action=..., rollback=...)
five_questions.answer("lesson07", 3, ...)  # what happens when inputs change?

# %% [markdown]
# ## Carry it home
# - Take your own drift report. How many rows stand behind each score, and how often would its limit call if nothing moved?
# - Which of your last five drift alerts was followed by a loss, and which of your last five losses by a drift alert?
#
# *Read on:* Gama and others, *A survey on concept drift adaptation* (2014): what can move, and what to do. Rabanser and others, *Failing loudly* (2019): which tests find a shift, and why harm is another question.
