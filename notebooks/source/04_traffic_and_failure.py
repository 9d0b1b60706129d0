# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
#   named_surprise: >-
#     A competent guess: retries make a service more reliable, and where they do not, backoff with
#     jitter or more servers will. What happens: five seconds of silence at six tenths of the load
#     become an outage that stays when the cause is gone; backoff with jitter does not end it, nor
#     does a fleet of twice the size. A retry budget of ten per cent ends it, with four servers.
# ---

# %% [markdown]
# # 04 · Traffic and failure
#
# *Sunday, 03:07.* The page says that no payment has been scored for forty minutes. Nobody has deployed. The traffic is that of any Sunday night, six tenths of what the fleet can do. The model
# servers work at full load, every one of them, and nothing they do arrives in time.
#
# At 02:27 the network had a hiccup. It lasted five seconds.

# %%
import inspect

import numpy as np
import pandas as pd

import mlsys_lessons as mls
from mlsys_lessons import charts, claims, serving, traffic
from mlsys_lessons.lessons import five_questions, runbook
from mlsys_lessons.lessons.lesson04 import overload_charts, overload_lab
from mlsys_lessons.lessons.lesson04.overload_lab import fleet
from mlsys_lessons.lessons.lesson04.questions import bet1, bet2, bet3, q1, q2, q3, q4, q5
from mlsys_lessons.serving.load import drive
from mlsys_lessons.traffic import Policy, Retries

# %% [markdown]
# ## Two kinds of callers
# Four servers; a call takes one of them 20 ms on average, so together they do 200 a second. 120 come. A caller waits half a second for an answer; then it is a **timeout**. One kind of caller asks once and
# gives up. The other asks again at once, up to three times: it was written by somebody who cares.
#
# In the twentieth second all four servers stop for five seconds. Both kinds meet the same calls with the same needs. The first kind is soon answered again. And the second?

# %%
bet1.guess(...)  # "seconds", "a minute or two", "about ten minutes" or "not by itself"

# %%
calls = traffic.poisson(120, 120, seed=7)
once = fleet(calls, Policy(timeout_s=0.5))
eager = fleet(calls, Policy(timeout_s=0.5, retries=Retries(3)))
axes = overload_lab.share_in_time(
    {"three retries": eager, "no retries": once},
    title="The stall is over; for the callers who ask again it is not",
)
alone, again = (100 * run.served_between(60, 120) for run in (once, eager))
charts.show(axes, alt=f"Answered in the second minute: {alone:.0f} % of single calls, {again:.0f} % with retries.")
bet1.reveal("not by itself", "Nothing is broken any more. It is only that everybody asks.")

# %% [markdown]
# ## What are they doing all day?
# The fleet of the callers who care, in four of its seconds.

# %%
seconds = eager.per_second()
seconds.loc[[10, 30, 60, 110], ["requests", "calls", "served", "queue"]]

# %% [markdown]
# No more people come than before. Each of them knocks four times, and the queue grows by the difference. The servers are not idle for a moment: they work on calls whose callers have long gone, while those
# who are still there wait behind them, and leave, and knock again.
#
# ## Open the bonnet
# This is how a fleet takes a call. Look for the line that asks whether anybody still wants the answer.

# %%
print(inspect.getsource(traffic.queueing._Servers.take))

# %% [markdown]
# There is none; there hardly ever is one. A timeout is something that the *caller* knows. So once everything times out, each request costs `1 + retries` pieces of work, and at a load of 0.6 that is
# 2.4 times what the fleet can do. It was healthy and it is now stuck, with the same traffic and the same code: a **metastable failure** (Bronson and others, 2021). By itself it ends only when the load
# falls below `1 / (1 + retries)`.
#
# ## What everybody tries first
# At 03:20 somebody says *backoff with jitter*. Write it. Stuck? `q1.hint()`, then `q1.solution()`.

# %%
q1

# %% tags=["exercise"] exercise_id="lesson04.q1"
def backoff(attempt, luck):
    longest = ...  # 0.1 s, doubling, at most 2 s
    return ...

q1.check(backoff)

# %% [markdown]
# Somebody else doubles the patience, and somebody orders servers. Order as many as you like: how many in place of four would end it, if the callers stay as they are?

# %%
bet2.guess(...)  # servers

# %%
eager_policy = Policy(0.5, Retries(3))
tried = {
    "backoff, jitter": fleet(calls, Policy(0.5, Retries(3, backoff_s=0.1))),
    "twice the patience": fleet(calls, Policy(1.0, Retries(3))),
    "one retry only": fleet(calls, Policy(0.5, Retries(1))),
    "twice the servers": fleet(calls, eager_policy, servers=8),
}
for name, run in tried.items():
    print(f"{name}: {run.served_between(60, 120):.0%} answered in the second minute")
ends = (n for n in range(9, 20) if fleet(calls, eager_policy, servers=n).served_between(100, 120) > 0.99)
bet2.reveal(needed := next(ends), "Before the stall two and a half of them did all the work.")
assert 2.5 < needed / 4 < 3

# %% [markdown]
# Backoff spreads the knocks and leaves their number as it is. So does patience. One retry in place of three still makes 1.2 out of 0.6. Servers do end it: nearly three times the fleet, kept all year for five
# seconds.
#
# ## The repair
# What must not grow in a storm is the work for each request, over all callers together. Write `may_retry`: may one retry more be sent? In the last minute there were `calls` fresh calls, `failures` timeouts, of
# fresh calls and of retries, and `retries` retries (arrays, one entry a client). Whatever fails, the servers must never get more than 1.1 times the fresh calls.

# %% tags=["exercise"] exercise_id="lesson04.q2"
def may_retry(calls, failures, retries):
    ...

q2.check(may_retry)

# %%
budget = fleet(calls, Policy(0.5, Retries(3, budget=0.1)))
room = fleet(calls, Policy(0.5, Retries(3), queue_limit=20))
runs = {"three retries": eager, "a retry budget": budget, "room for twenty": room}
axes = overload_lab.share_in_time(runs, title="A budget ends the storm; a small waiting room never has one")
euros = {name: round(overload_lab.euros_earned(run)) for name, run in runs.items()}
charts.show(axes, alt=f"Euros earned in two minutes: {euros}.")
print("euros earned in two minutes:", euros)

# %% [markdown]
# The price of an answer is what the model's is worth beyond none at all, in the course's own business (claim C7). The third line is another idea. There the *server* says no as soon as twenty calls wait. Nobody
# queues for longer than their patience, and no work is done for people who have gone. You will meet it again.
#
# ## How sure? And where does it stop?
# Below, a map: the load before the stall, and the retries. Then what is stored of twenty seeds: of a thousand calls in the fifth minute, how many are answered, by the length of the stall.

# %%
loads, tries = (0.2, 0.3, 0.4, 0.6, 0.8), (0, 1, 2, 3)
after = pd.DataFrame({f"load {x}": {n: overload_lab.recovery(x, n) for n in tries} for x in loads})
axes = charts.heat_map(
    after.rename(index="retries {}".format), unit="% answered in the third minute",
    title="A stall is forgotten only below 1 / (1 + retries)",
)
charts.show(axes, alt=f"Answered at load 0.4 with 0, 1, 2, 3 retries: {after['load 0.4'].round().tolist()} %.")
c8 = claims.stored("C8")
print(f"{c8.claim}  {c8.sentence}\n    {c8.verdict} ({len(c8.seeds)} seeds, run on {c8.date})")
c8.table.set_index("callers").round().astype(int)

# %% [markdown]
# The first column is the one to remember. Without a stall every one of these policies is perfect, and no test of a calm system will tell them apart.
#
# ## Your own overload
# Move the sliders, or print the same thing with other numbers. Find a timeout that needs no budget, and say why nobody can promise it.

# %%
print(overload_lab.Overload(load=0.6, timeout_s=0.5, retries=3, budget=False))
overload_lab.widget()

# %% [markdown]
# ## Why only six tenths?
# Could the fleet not have been busier, and cheaper? The mean wait of a queue has a closed form (Erlang, 1917). Dots are the laboratory, lines are the formula.

# %%
points = {servers: overload_lab.mean_waits(servers) for servers in (1, 4)}
axes = overload_charts.hockey_stick(points, title="The last tenth of the load costs more than all the others")
at_90 = [frame.loc[0.9, "simulated"] for frame in points.values()]
charts.show(axes, alt="Mean wait at 90 %, one and four servers: {:.1f} and {:.1f} service times.".format(*at_90))
q3

# %% tags=["exercise"] exercise_id="lesson04.q3"
def busiest(utilisation, p99_ms, target_ms, servers, lost):
    left = ...  # how busy may those be that are left?
    return ...  # and how busy were all of them before?

q3.check(busiest)

# %% [markdown]
# ## A real one
# So far no second has passed. Here is the course's own server, on this machine: the resilient system behind HTTP, a committed log behind every answer. Callers ask again as soon as they have been answered: one of
# them, then 8, then 64 at once. After that, the same 64 in front of a server with room for eight.

# %%
world = mls.payments_world(seed=7, daily=1_000)
ready = serving.warmed(world, mls.resilient_system(seed=7))
day = world.day(0, world.start()).requests
bodies = serving.transactions(day)
with serving.serve(ready) as url:
    loads = {n: drive(url, bodies, connections=n, requests=80 + 12 * n) for n in (1, 8, 64)}
small = serving.EdgeSettings(max_batch=4, queue_rows=8, rows_per_call=1)
with serving.serve(ready, settings=small) as url:
    crowd = drive(url, bodies, connections=64, requests=400)

# %%
waits = pd.DataFrame({n: np.percentile(load.latencies, [50, 90, 99]) for n, load in loads.items()})
waits.index = ["half of the answers", "nine in ten", "99 in 100"]
axes = overload_charts.percentiles(waits, title="On this machine: with more callers everybody waits longer")
charts.show(axes, alt="Milliseconds to the answer with 1, 8 and 64 callers, on this machine.")
print("half of 64 callers wait longer than a single one:", waits[64].iloc[0] > waits[1].iloc[0])
print("and yet more are answered in a second:", loads[64].per_second > loads[1].per_second)
print("answers of the server with room for eight:", ", ".join(sorted(crowd.statuses)))

# %% [markdown]
# More answers a second under more load: while one batch is being worked the next one gathers, so the busier this server is, the cheaper a payment becomes. That moves the knee to the right. It does not remove it.
#
# `503` with `Retry-After` is **load shedding**: a no within milliseconds, while the caller still has time for something else. Nobody hangs.
#
# Now slow the model. From noon on each call to it takes two hundred times as long; the server runs on the day's own clock.

# %%
ready.install([mls.faults.latency(start=0.5, end=1, severity=200)])
with serving.serve(ready, virtual=True) as url, serving.Client(url) as client:
    answers = pd.DataFrame(client.decide(serving.transactions(day.head(1_000), virtual=True)))
noon = day["arrival_time"].head(1_000).dt.hour.ge(12).map({False: "before noon", True: "after noon"})
why = answers["fallback_reason"].fillna("in time")
pd.crosstab(noon.to_numpy(), [answers["model_version"], why], rownames=[""]).iloc[::-1]

# %% [markdown]
# Every payment has an answer. At first the model's calls run into their **deadline** and the rule answers instead, late. After a minute of that the **breaker** opens: it does not call somebody who does not
# answer, tries again every few minutes, and saves everybody the wait.
#
# ## When to stop asking
# Two well-known libraries open their breakers when half of the calls fail. Why a half? Write `open_above`: the share of failing calls above which an open breaker earns more than a closed one. A call that the
# model answers earns `model` cents, one that the rule answers `rule`. Closed, every call asks the model, and one that fails has cost `waiting` cents before the rule steps in. Open, the rule answers at once.

# %% tags=["exercise"] exercise_id="lesson04.q4"
def open_above(model, rule, waiting):
    ...

q4.check(open_above)

# %% [markdown]
# ## Six ways to fail
# Back to days and money. Each of six failure modes strikes for one week in eleven days: first the resilient system with the one component that answers it at its naive level, then the whole resilient system. Each is compared
# with itself on quiet days. Which of the six does most damage without its design?

# %%
bet3.guess(...)  # "bad inputs", "missing features", "cold start", "traffic spikes", ...

# %%
def value(missing, *faults):
    system = mls.assemble(set(mls.COMPONENTS) - {missing}, seed=7)
    return mls.simulate(world, system, days=11, faults=faults, keep="metrics").expected_value / 100

designs = mls.faults.ANSWERED_BY
quiet = {missing: value(missing) for missing in ("", "ingestion", "features", "serving")}
weeks = {mode: made(start=3, end=10) for mode, made in mls.faults.FAILURE_MODES.items()}
lost = pd.DataFrame({
    "without": {mode: quiet[designs[mode]] - value(designs[mode], weeks[mode]) for mode in weeks},
    "with": {mode: quiet[""] - value("", weeks[mode]) for mode in weeks},
}).sort_values("without", ascending=False)

# %%
axes = overload_charts.with_and_without(lost, title="A week of each failure, without its design and with it")
charts.show(axes, alt=f"Euros lost: {lost.round().astype(int).T.to_dict()}")
c7 = claims.stored("C7")
print(f"{c7.claim}  {c7.sentence}\n    {c7.verdict} ({len(c7.seeds)} seeds, run on {c7.date})")
table = c7.table.set_index("failure mode")
bet3.reveal(table["without"].idxmax(), "Over the worlds of claim C7; the figure shows one world.")
table[["design", "without", "with", "pays from incidents a year"]].round(1)

# %% [markdown]
# The table counts euros for 1,000 payments of the week that is struck. Its last column is the one for the budget meeting: how many such weeks a year pay for the component's upkeep.
#
# One fault is not among the six, because it is so small. The model is not two hundred times slower but eight.

# %%
slower = mls.faults.latency(start=3, end=10, severity=8)
told = {"without": quiet["serving"] - value("serving", slower), "with": quiet[""] - value("", slower)}
assert told["without"] < told["with"]
print("euros lost:", {name: round(euros) for name, euros in told.items()})

# %% [markdown]
# Here the design is the damage. A call takes 160 ms, the deadline is 150, and half of the answers are thrown away that a patient caller would have had. A deadline is a price on waiting. This one was set for a
# healthy model.
#
# ## Survive the crowd
# Everything so far, in one policy.

# %%
q5

# %% tags=["exercise"] exercise_id="lesson04.q5"
def my_policy():
    queue_limit = ...
    fallback = ...
    return ...  # mls.traffic.Policy(timeout_s=0.5, ...)

q5.check(my_policy)

# %% [markdown]
# ## Your runbook line
# It is 03:07 again. Which two numbers on one page tell a storm from a load, who may turn callers away at that hour, and how are they let in again?

# %%
runbook.add("lesson04", signal=..., owner=..., action=..., rollback=...)
five_questions.answer("lesson04", 5, ...)  # what happens when it is down?

# %% [markdown]
# ## Carry it home
# - Multiply the retries of every layer between a customer and your model: the app, the gateway, the client library, the queue. At which load does a stall become permanent?
# - Which of your timeouts was set by measuring something, and when?
#
# *Read on:* Bronson and others, *Metastable failures in distributed systems* (2021). Beyer and others, *Site Reliability Engineering* (2016), chapters 21 and 22: handling overload, cascading failures.
