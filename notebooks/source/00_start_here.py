# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
#   named_surprise: >-
#     A competent guess: a failing system shows it on its operations page. What happens: the page is red
#     on a handful of days, they hold a few percent of the missing money, the books tell it more than a
#     month late, and a job that hangs is noticed in months where nobody is told. Measured on 5 seeds, a
#     whole year: red days 3 to 10, their share 1.4 to 2.6 %, books 41 to 58 days behind; a year
#     without faults closes 0 to 26 % of the gap.
# ---

# %% [markdown]
# # 00 · Start here
#
# *Wednesday, 1 January, 00:00.* The model is in. It decides about every card payment of a business with a thousand payments a day: approve or block. On its test rows it was good; the team has cake and goes home.
#
# Models don't fail in notebooks. They fail in production systems, quietly, in money. In this course you run such a system, watch it fail, learn what each failure costs, and build the one that survives. This first lesson takes half an hour:
# half a year of the business, four bets, and a look at how the other lessons work.

# %%
import inspect
from pathlib import Path

import numpy as np
import pandas as pd

import mlsys_lessons as mls
from mlsys_lessons import charts
from mlsys_lessons.lessons import five_questions, runbook
from mlsys_lessons.lessons.expectation import expect
from mlsys_lessons.lessons.lesson00 import answers, measurements
from mlsys_lessons.lessons.lesson00.questions import bet1, bet2, bet3, bet4, q1
from mlsys_lessons.simulation.ledger import Ledger
from mlsys_lessons.workshop import doctor

# %% [markdown]
# ## Is this machine ready?
# The next cell looks at Python, the packages and your folder. If it finds something, it says what to do; do it, restart the kernel, run the cell again.

# %%
findings = doctor.examine(Path.cwd())
for finding in findings:
    if not finding.fine:
        print(f"{finding.name}: {finding.found} -> {finding.advice}")
print("Ready." if all(finding.fine for finding in findings) else "Not ready yet.")

# %% [markdown]
# ## One business, three systems
# The **world** holds what is real: customers, merchants, fraudsters, and what breaks on the way to you. Each **system** meets the same world with the same luck: the same payments, the same thieves, the same faults at the same minute.
#
# - **naive** is what a competent notebook author ships: boosted trees behind an endpoint, yesterday's feature table, one threshold.
# - **resilient** starts with the same kind of model and has a system around it: a data contract, fresh features, fallbacks, decisions by cost, people who review, monitors with owners, retraining.
# - **Bayes reference** decides by the world's own fraud probability, and nothing ever breaks for it. It is not for sale. It shows what there was to earn.
#

# The number that makes the world is its **seed**. Every lesson names it once, like this. Change it, run all, and other customers meet other thieves. Where your world then does not show what the lesson expects, a line says so: `[another world]`.

# %%
SEED = 7

# %%
days = 180
year = mls.scenarios.ordinary_year(SEED, days=days)
systems = {
    "naive": mls.naive_system(seed=SEED),
    "resilient": mls.resilient_system(seed=SEED),
    "Bayes reference": mls.reference_system(seed=SEED),
}
print(f"{len(year.faults)} faults in {days} days:")
print(", ".join(sorted({fault.name for fault in year.faults})))

# %% [markdown]
# An *ordinary* year has ordinary trouble: a table that is not refreshed, a slow service, a producer who renames something. The dates are drawn from a table of rates, not chosen by us. Some of it passes by itself or is ended by the platform's people within hours. The rest lasts until somebody notices.
#
# ## Your first bets
# What the naive system earns less than the reference is **missing money**. The naive system has a dashboard, the one that any platform gives for free: traffic, latency, errors. Call its page *red* on a day with more than 1 % failed calls or with
# a 99th percentile above 200 ms. A model that costs money shows it somewhere, doesn't it?
#
# A bet is locked when you run the cell; nothing below has run yet. A wrong one costs nothing, and you will remember the answer. Without a bet the lesson goes on.

# %%
bet1.guess(...)  # of 100 missing euros, how many on red days? Write a number instead of ...

# %% [markdown]
# The second bet is about the **books**: what the business knows. A fraud enters them when the cardholder calls, so the total that they show tonight had really been lost some days ago.

# %%
bet2.guess(...)  # how many days ago had that much really been lost?

# %% [markdown]
# ## Press play
# Half a year, three times. This takes some seconds. (A whole year is `days=365` and takes twice as long; its stored result comes below.)

# %% tags=["nbval-ignore-output"]
runs = {
    name: mls.simulate(
        year.world, system, days=days, keep="metrics", progress=True,
        faults=() if name == "Bayes reference" else year.faults,
    )
    for name, system in systems.items()
}

# %%
earned = {name: run.value_by_tick().cumsum() for name, run in runs.items()}
missing = runs["Bayes reference"].value_by_tick() - runs["naive"].value_by_tick()
left = missing.sum() / runs["Bayes reference"].value
axes = charts.value_over_time(
    earned, title=f"Naive leaves {left:.0%} of the money there is",
    windows=[(fault.start, fault.end, "") for fault in runs["naive"].faults],
)
ends = ", ".join(f"{name} {run.value / 1e5:,.0f}" for name, run in runs.items())
charts.show(axes, alt=f"Earned in {days} days, in thousand euros: {ends}.")

# %% [markdown]
# In the grey bands something was broken in the naive system, for as long as nobody ended it. A band says nothing about harm. Look at the orange line inside the bands, then between them: where does it turn away from the reference?
#
# ## The page
# Here is the missing money week by week; red is what went missing on days when the page was red.

# %%
red = measurements.red_days(runs["naive"])
on_red = 100 * missing[red].sum() / missing.sum()
weeks = pd.DataFrame({"all": missing, "red": missing.where(red, 0)}).groupby(np.arange(days) // 7).sum()
with charts.style():
    axes = charts.canvas(f"{red.sum()} red days hold {on_red:.1f} % of the missing money", unit="missing a week")
    axes.bar(weeks.index, weeks["all"], width=0.8, color=charts.NAIVE)
    axes.bar(weeks.index, weeks["red"], width=0.8, color=charts.ALERT)
    axes.yaxis.set_major_formatter(charts.money)
    axes.set_xlabel("week", loc="right")
charts.show(axes, alt=f"{red.sum()} red days of {days} hold {on_red:.1f} % of the missing money.")

# %%
on_green = missing[~red].sum() / 1e5
odd = f"On the other {int((~red).sum())} days the page was green, and {on_green:,.0f} thousand euros went missing."
bet1.reveal(round(float(on_red), 1), odd)
expect(
    on_red < 50, "in most worlds the red days hold less than half of the missing money",
    "an outage at a costly hour can outweigh weeks of small losses",
)

# %% [markdown]
# The page does not lie. On a green day the calls are answered, in time, without an error. It was asked whether the service *answers*, and nobody asked it whether the answers are *right*.
#
# ## The books
# Then the business itself will notice: somebody looks at money every evening. Here are the fraud losses of the naive system, as they happened and as the books knew them.

# %%
happened = measurements.fraud_losses(runs["naive"].ledger, days)
known = measurements.fraud_losses(runs["naive"].books, days)
behind = answers.days_behind(happened, known)
axes = charts.metric_over_time(
    {"happened (the truth)": happened / 1e3, "known (naive books)": known / 1e3},
    title=f"Tonight's books show what was true {behind} days ago", unit="thousand euros lost to fraud so far",
)
totals = f"{happened.iloc[-1]:,.0f} euros had been lost, {known.iloc[-1]:,.0f} were known"
charts.show(axes, alt=f"After {days} days {totals}: the books are {behind} days behind.")
bet2.reveal(behind, f"Tonight {totals}; until a cardholder calls, a fraud is a sale.")

# %% [markdown]
# ## Open the bonnet
# Most lessons show one function of the package, whole, in which the cause can be pointed at. This is where a fraud enters the books, and it is called with the reports of the day and with nothing else.

# %%
print(inspect.getsource(Ledger.report))

# %% [markdown]
# ## Your first exercise
# An exercise is a cell to complete and a `check` that says *passed*, *wrong* and why, *not attempted*, or shows the line that raised. Try it as often as you like. When stuck, run `q1.hint()`, again for the next hint, and in the end `q1.solution()`.
#
# You have just read a delay across a picture. Write it as a function: how many days ago had the total that is known tonight really been lost?

# %% tags=["exercise"] exercise_id="lesson00.q1"
def days_behind(happened, known):
    """Both are arrays: euros lost so far, one number a day. The last one is tonight."""
    tonight = known[-1]
    first_day = ...
    return ...

q1.check(days_behind)

# %% [markdown]
# ## The tempting fix
# The shaded days look guilty. So let us hire the best operators on Earth: in their world nothing ever breaks, no stale table, no slow service, no renamed field. Same customers, same thieves, a whole year.

# %%
bet3.guess(...)  # of 100 missing euros, how many return when nothing ever breaks?

# %%
worlds = measurements.worlds()
gap = worlds["Bayes reference"] - worlds["naive"]
back = 100 * (worlds["naive, no fault"] - worlds["naive"]) / gap
print("of 100 euros return, by world:", ", ".join(f"{each:.1f}" for each in back))
bet3.reveal(
    round(float(back.mean()), 1),
    f"The mean of {len(back)} worlds; the rest of the gap is there when nothing breaks.",
)

# %% [markdown]
# Where a number is negative, the faults earned money: an hour of broken answers errs in both directions, and some of its errors stop a thief.
#
# This was read from a stored result, because these years take minutes; `python docs/year.py` measures them again. When a lesson shows a stored result, it says so.
#
# ## How sure?
# One world is an anecdote. First the whole year of one world, then the years of several in thousands of euros: the ordinary one, and the same one without a fault, whoever wins it. Upkeep, on-call, reviewers and retraining are paid. All of it is stored.

# %%
stored = measurements.stored()
lines = {name: pd.Series(line) for name, line in stored["picture"].items()}
shown = worlds.index[0]
kept, calm = (worlds[name] / worlds["Bayes reference"] for name in ("naive", "naive, no fault"))
axes = charts.value_over_time(
    lines, title=f"World {shown}, a whole year: naive leaves {1 - kept[shown]:.0%}, "
    f"and without a fault {1 - calm[shown]:.0%}",
    windows=[(start, end, "") for start, end in stored["broken"]],
)
ends = ", ".join(f"{name} {line.iloc[-1] / 1e5:,.0f}" for name, line in lines.items())
charts.show(axes, alt=f"Earned in {stored['days']} days, in thousand euros: {ends}.")

# %%
wins = [(worlds[f"resilient{kind}"] > worlds[f"naive{kind}"]).sum() for kind in ("", ", no fault")]
n, share = len(worlds), 100 * worlds["red_share"]
closed = 100 * (worlds["resilient"] - worlds["naive"]) / gap
print(f"resilient beats naive in {wins[0]} of {n} ordinary years, in {wins[1]} of {n} without faults")
print(f"and closes {closed.min():.0f} to {closed.max():.0f} % of the gap to the reference")
print(f"red days: {worlds['red_days'].min()} to {worlds['red_days'].max()} of {stored['days']},", end=" ")
print(f"with {share.min():.1f} to {share.max():.1f} % of the missing money")
print(f"books: {worlds['days_behind'].min()} to {worlds['days_behind'].max()} days behind")
names = ["naive", "resilient", "naive, no fault", "resilient, no fault", "Bayes reference"]
pd.DataFrame({name: worlds[name].map(lambda cents: f"{cents / 1e5:,.0f}") for name in names})

# %% [markdown]
# Keep two doubts. The reference knows what nobody can know, so part of the gap is out of anyone's reach, and nobody can say from here how much. And the prices are assumptions, all in one table, `mls.COSTS`: with a costlier system or a cheaper fraud the order could turn, and later lessons look for
# the point where it does.
#
# Suspects for the rest: slow drift, late labels, old features, a threshold that does not know what a payment is worth, thieves who learn, and a model that was never as good as it looked. Each is priced in a lesson.
#
# ## Nobody is told
# One more time, one thing only. *Tuesday, 1 April:* the job that refreshes the feature table hangs. No page, no error; yesterday's table answers today's questions, then the day before yesterday's. Both systems get it on the same day. It lasts until somebody ends it.
#
# At the naive business an alert reaches nobody. It can learn of it in three ways: finance compares a month's disputes with the months before, customers who were refused call, or somebody stumbles on it.

# %%
bet4.guess(...)  # days until anybody at the naive business notices?

# %% tags=["nbval-ignore-output"]
hangs = mls.faults.stale_features(start=90)
lives = {}
for name, make in (("naive", mls.naive_system), ("resilient", mls.resilient_system)):
    hit, spared = (
        mls.simulate(year.world, make(seed=SEED), days=days, faults=faults, keep="metrics", progress=True)
        for faults in ([hangs], [])
    )
    lives[name] = hit.life(0, twin=spared)

# %%
notice = {name: (life.noticed or days) - hangs.start for name, life in lives.items()}
cost = {name: life.cents.sum() / 100 for name, life in lives.items()}
axes = charts.life_of_incident(
    lives, title=f"It took {notice['naive']:.0f} days until anybody knew; with an owner, {notice['resilient']:.0f}",
)
ends = ", ".join(f"{name} {euros:,.0f} euros" for name, euros in cost.items())
charts.show(axes, alt=f"What one hanging job came to by day {days}, against the same days without it: {ends}.")
bet4.reveal(int(notice["naive"]), f"By day {days} it came to: {ends}.")
expect(
    notice["resilient"] < notice["naive"], "in most worlds the system with an owner on its alerts knows first",
    "a customer can call, or somebody stumble on it, before the table is old enough to move a number",
)

# %% [markdown]
# The same hanging job, the same luck. What differs is that an alert had an owner, and the owner a line in a runbook. Each life can be read:

# %%
for name, life in lives.items():
    print(f"{name}: {life}")

# %% [markdown]
# One hanging job is an anecdote, too. Here is every fault that only people can end, in twenty worlds that no lesson shows. Days are medians, and a day that never came counts as the last one of the run; euros are means until then. Stored; `mlsys-lessons noticing` measures it again.

# %%
lasting = measurements.noticing()
lasting["money"] = [f"{row.euros:,.0f} [{row.low:,.0f}, {row.high:,.0f}]" for row in lasting.itertuples()]
lasting["days"] = [f"{row.days_to_notice:.0f}, {row.days_to_end:.0f}" for row in lasting.itertuples()]
middle = lasting.groupby("system")["days_to_notice"].median()
print(f"the median fault is noticed after {middle['naive']:.0f} days (naive), {middle['resilient']:.0f} (resilient)")
names = {"days": "days to notice, to end", "money": "euros"}
page = lasting.drop(columns="euros").rename(columns=names)
page.pivot(index="fault", columns="system", values=list(names.values()))

# %% [markdown]
# Read the money on the right first: with an owner on the alert most of these faults hardly have a price, for they are over in a day or three. Then find the one that takes even the owner weeks: reports of fraud stop coming in, and that looks like good news. One fault costs the naive system nothing: broken answers err in both directions.
#
# ## Somebody is called
# The resilient system has five layers of monitors, and each alert has an owner. These are the alerts of its half year. Compare the operations row with the others.

# %%
alerts = runs["resilient"].alerts
by_owner = alerts.groupby(["layer", "owner"], observed=True)
by_owner.agg(alerts=("tick", "size"), days=("tick", "nunique"), metrics=("metric", "nunique"))

# %% [markdown]
# ## A line for your runbook
# Each lesson ends with one line of a runbook: a signal, an owner, an action, a way back. At three in the morning nobody reads more. An example of today: *signal:* fraud reported per approved payment, by week of the payment; *owner:* fraud operations;
# *action:* lower the threshold; *rollback:* the old threshold, by name. Write yours.

# %%
runbook.add("lesson00", signal=..., owner=..., action=..., rollback=...)

# %% [markdown]
# ## Five questions
# They close every lesson, and they are asked about *your* system at work. One answer is added each time; the sheet grows. Start with the fourth: how do you know when your model is wrong, and how many days after it was?

# %%
five_questions.answer("lesson00", 4, ...)
five_questions.sheet()

# %% [markdown]
# Bets, answers and runbook lines are kept in `.mlsys_lessons/progress.json` in this folder; `mlsys-lessons progress` shows them. `mlsys-lessons reset 00` puts a lesson back as it was and keeps a copy of yours.
#
# ## The map
# | lesson | the question |
# |---|---|
# | `00_start_here` | where does the money go? |
# | `01_the_notebook_works` | which of three good models earns most? |
# | `02_a_model_is_a_component` | how much of the value is the model? |
# | `03_deployment_and_skew` | same model, same rows: why another answer? |
# | `04_traffic_and_failure` | what happens when it is down, or slow? |
# | `05_data_is_the_system` | is the model broken, or its data? |
# | `06_decisions_not_predictions` | what is a score worth? |
# | `07_drift` | which drift hurts? |
# | `08_silent_degradation` | who notices, and how late? |
# | `09_feedback_loops` | what does it learn from its own decisions? |
# | `10_ranking_loops` | does quality win? |
# | `11_humans_in_the_loop` | when do people help? |
# | `12_lifecycle_and_ownership` | who owns it on Sunday? |
# | `13_boring_systems_scale` | which stack survives a bad year? |
# | `14_on_call` | what do you do when the page comes? |
#
# All of them lie in your folder. In the last one you are on call.

# %% [markdown]
# ## Carry it home
# - Your system's dashboard is green now. Which number on it would change if every answer were wrong?
# - From the day on which a wrong decision is made to the day on which somebody could know: how many days is that where you work?
#
# *Read on:* Sculley and others, *Hidden technical debt in machine learning systems* (2015). Breck and others, *The ML test score: a rubric for ML production readiness and technical debt reduction* (2017).
#
# Next: `01_the_notebook_works`.
