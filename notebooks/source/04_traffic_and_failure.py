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
from functools import partial

import numpy as np
import pandas as pd

import mlsys_lessons as mls
from mlsys_lessons import charts, claims, serving, traffic
from mlsys_lessons.lessons import five_questions, runbook, stored_claims
from mlsys_lessons.lessons.expectation import expect
from mlsys_lessons.lessons.lesson04 import overload_charts, overload_lab
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
SEED = 7

# %%
bet1.guess(...)  # "seconds", "a minute or two", "about ten minutes" or "not by itself"

# %%
print(inspect.getsource(overload_lab.fleet))
fleet = partial(overload_lab.fleet, seed=SEED)
calls = traffic.poisson(120, 120, seed=SEED)
once = fleet(calls, Policy(timeout_s=0.5))
eager = fleet(calls, Policy(timeout_s=0.5, retries=Retries(3)))
alone, again = (100 * run.served_between(60, 120) for run in (once, eager))
title = f"In the second minute {alone:.0f} % of single calls are answered, with three retries {again:.0f} %"
axes = overload_lab.share_in_time({"three retries": eager, "no retries": once}, title=title)
charts.show(axes, alt=f"Answered in the second minute: {alone:.0f} % of single calls, {again:.0f} % with retries.")
bet1.reveal("not by itself" if again < 50 else "a minute or two", "Nothing is broken any more. Everybody asks.")
expect(again < 50 < alone, "in most worlds the stall stays for those who ask again", "a lull can let the queue run dry")

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
# There is none; there hardly ever is one. A timeout is something that the *caller* knows. So once everything times out, each request costs `1 + retries` calls, and a load of 0.6 becomes
# one of 2.4. It was healthy and it is now stuck, with the same traffic and the same code: a **metastable failure** (Bronson and others, 2021). By itself it ends only when the load
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
ends = (n for n in range(9, 40) if fleet(calls, eager_policy, servers=n).served_between(100, 120) > 0.99)
bet2.reveal(needed := next(ends, 40), "Before the stall two and a half of four did all the work.")
expect(needed < 12, "in most worlds less than three fleets end it", "the queue of the stall must be worked off, too")

# %% [markdown]
# Backoff spreads the calls and leaves their number as it is. So does patience. With one retry in place of three each request is still two calls: a load of 1.2, where 1 is all that the fleet can do. Servers do end it, from a load of 2.4 fleets on: kept all year for five
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
late = {name: run.served_between(60, 120) for name, run in runs.items()}
title = f"In the second minute: {', '.join(f'{name} {share:.0%}' for name, share in late.items())}"
axes = overload_lab.share_in_time(runs, title=title)
expect(late["a retry budget"] > 0.9, "in most worlds a budget of a tenth ends the storm", "at its edge a load of 0.66 is left no room")
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
after = pd.DataFrame({f"load {x}": {n: overload_lab.recovery(x, n, SEED) for n in tries} for x in loads})
below = np.array([[x * (1 + n) < 1 for x in loads] for n in tries])
agree = ((after > 50).to_numpy() == below).sum()
axes = charts.heat_map(
    after.rename(index="retries {}".format), unit="% answered in the third minute",
    title=f"A stall is forgotten below 1 / (1 + retries): so it is in {agree} of {below.size} fields",
)
charts.show(axes, alt=f"Answered at load 0.4 with 0, 1, 2, 3 retries: {after['load 0.4'].round().tolist()} %.")
c8 = claims.stored("C8")
print(stored_claims.told(c8))
c8.table.set_index("callers").round().astype(int)

# %% [markdown]
# The first column is the one to remember: it is the test of a calm system. Does it tell one of these policies from another?
#
# ## Your own overload
# Move the sliders, or print the same thing with other numbers. Find a timeout that needs no budget, and say why nobody can promise it.

# %%
print(overload_lab.Overload(load=0.6, timeout_s=0.5, retries=3, budget=False, seed=SEED))
overload_lab.widget(SEED)

# %% [markdown]
# ## Why only six tenths?
# Could the fleet not have been busier, and cheaper? The mean wait of a queue has a closed form (Erlang, 1917). Dots are the laboratory, lines are the formula.

# %%
points = {servers: overload_lab.mean_waits(servers, SEED) for servers in (1, 4)}
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
world = mls.payments_world(seed=SEED, daily=1_000)
ready = serving.warmed(world, mls.resilient_system(seed=SEED))
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
axes = overload_charts.percentiles(waits, title="What 1, 8 and 64 callers wait for, on this machine")
charts.show(axes, alt="Milliseconds to the answer with 1, 8 and 64 callers, on this machine.")
print("half of 64 callers wait longer than a single one:", waits[64].iloc[0] > waits[1].iloc[0])
print("and yet more are answered in a second:", loads[64].per_second > loads[1].per_second)
print("answers of the server with room for eight:", ", ".join(sorted(crowd.statuses)))

# %% [markdown]
# How can there be more answers a second under more load? While one batch is being worked the next one gathers, so the busier this server is, the cheaper a payment becomes. That moves the knee to the right. It does not remove it.
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
# with itself on quiet days. Which of the six does most damage in your world without its design?

# %%
bet3.guess(...)  # "bad inputs", "missing features", "cold start", "traffic spikes", ...

# %%
def value(missing, *faults):
    system = mls.assemble(set(mls.COMPONENTS) - {missing}, seed=SEED)
    return mls.simulate(world, system, days=11, faults=faults, keep="metrics").expected_value / 100

designs = mls.faults.ANSWERED_BY
quiet = {missing: value(missing) for missing in ("", "ingestion", "features", "serving")}
weeks = {mode: made(start=3, end=10) for mode, made in mls.faults.FAILURE_MODES.items()}
lost = pd.DataFrame({
    "without": {mode: quiet[designs[mode]] - value(designs[mode], weeks[mode]) for mode in weeks},
    "with": {mode: quiet[""] - value("", weeks[mode]) for mode in weeks},
}).sort_values("without", ascending=False)

# %%
saves = (lost["with"] < lost["without"]).sum()
axes = overload_charts.with_and_without(lost, title=f"A week of each failure: {saves} of {len(lost)} designs save money")
charts.show(axes, alt=f"Euros lost: {lost.round().astype(int).T.to_dict()}")
worst, c7 = lost["without"].idxmax(), claims.stored("C7")
table = c7.table.set_index("failure mode")
bet3.reveal(worst, f"Over the {len(c7.seeds)} worlds of claim C7 it is {table['without'].idxmax()}.")
print(stored_claims.told(c7), c7.notes[0], sep="\n    ")
table[["design", "without", "with", "pays from incidents a year"]].round(1)

# %% [markdown]
# The table is the claim's, in euros for 1,000 payments of the week that is struck. Its last column is the one for the budget meeting: how many such weeks a year pay for the component's upkeep.
#
# One fault is not among the six, because it is so small. The model is not two hundred times slower but eight. The deadline is just below the two seconds that a caller waits. A team that likes quick answers has set it to 150 ms, which is plenty for the model as it was measured. What does the week cost each of them, in four worlds?

# %%
def week(seed, deadline_ms, *faults):
    system = mls.assemble(set(mls.COMPONENTS), seed=seed)
    system.inference.deadline_ms = deadline_ms
    world = mls.payments_world(seed=seed, daily=1_000)
    return mls.simulate(world, system, days=11, faults=faults, keep="metrics").expected_value / 100

slower = mls.faults.latency(start=3, end=10, severity=8)
limits, worlds = (ready.inference.deadline_ms, 150), range(SEED, SEED + 4)
slow_week = pd.DataFrame({f"{limit} ms": [week(seed, limit) - week(seed, limit, slower) for seed in worlds] for limit in limits})
print(slow_week.set_axis(worlds).rename_axis("euros lost in world").round().astype(int))
patient, hasty = slow_week.sum()
usual = "in most worlds the hasty deadline costs more than the slow model"
expect(patient < hasty, usual, "the rule that answers instead of the model can be lucky for a week")

# %% [markdown]
# A week is short, and a rule can be lucky in it; look at the sum. Where the hasty team loses, its design is the damage. A call now takes about as long as their deadline allows, and every answer that comes after it is thrown away, though the caller would have waited. An answer that is late is worth more than a simpler one, as long as anybody is there. So a deadline
# is set from the caller's side, not from the model's.
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
#
# Next: `05_data_is_the_system`.
