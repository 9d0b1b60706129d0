# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
#   named_surprise: >-
#     A competent guess: an operator who acts at the first ring does well, and one who does nothing does
#     worst. What happens: over four pages of a week, acting at each ring scores lower than doing
#     nothing; and whoever knows the cause of all four does nothing, twice.
# ---

# %% [markdown]
# # 14 · On call
#
# *Monday, 09:00.* It is your week. The phone lies beside the keyboard, the system that you have built over thirteen lessons is running, and somebody from risk stands in the door.
#
# Here is what you have: a page, a clock, a shelf of evidence on which each look costs minutes, and a list of things that you may do to a running system, each with a price. Nobody will tell you what is wrong, or whether anything is.

# %%
import inspect

import pandas as pd

import mlsys_lessons as mls
from mlsys_lessons import charts, claims
from mlsys_lessons.drill.play import play
from mlsys_lessons.drill.policies import threshold_alarm
from mlsys_lessons.drill.text import converse, help_text, page_of, rows_of
from mlsys_lessons.lessons import five_questions, runbook, stored_claims
from mlsys_lessons.lessons.control_room import Room
from mlsys_lessons.lessons.expectation import expect
from mlsys_lessons.lessons.lesson14 import answers, four_pages, own_system
from mlsys_lessons.lessons.lesson14.questions import TEMPTING_NIGHT, bet1, bet2, bet3, q1, q2, q3

# %%
SEED = 7

# %% [markdown]
# ## The first page

# %%
first = four_pages.incident("B", SEED)
print(page_of(first.observation))

# %% [markdown]
# You have eight hours a day for looking. An hour of you costs sixty euros, so each look has a price, and the price is on your bill whether it told you something or not. Three looks:

# %%
for look in ("inspect business", "inspect calendar", "inspect versions"):
    print(f"> {look}", rows_of(first.do(look)), sep="\n")

# %% [markdown]
# The columns are the value of yesterday, the usual one, and how far apart they lie in units of the metric's own day-to-day noise.
#
# Three things could be done before lunch: block from a score of .1 on, whatever the amount; hire reviewers for 60 more cases a day; roll back to the version before. Each is lived through for two weeks, on the same payments, thieves and luck.

# %%
bet1.guess(...)  # "none", "one", "two" or "all three"

# %%
lives = {name: four_pages.lived_with(command, "B", SEED) for name, command in TEMPTING_NIGHT.items()}
lost = {name: round(score.lost / 100) for name, score in lives.items()}
better = sum(price < lost["nothing"] for price in lost.values())
bet1.reveal(bet1.choices[better], "Nothing was wrong: small numbers jump, and one of them jumped on a Sunday.")
expect(max(lost.values()) > 0, "in most worlds something that is done costs money", "all of it paid")
pd.DataFrame({"euros lost beyond the best": lost, "points": {n: round(s.points) for n, s in lives.items()}})

# %% [markdown]
# A minus is money earned. Where more reviewers pay, they would have paid in any other week: how many cases people should read is a standing decision (lesson 11), and a page is a poor reason for a good idea. What was bought against *this* page was worth nothing, because there was nothing to end.
#
# ## The second page
# It comes on Wednesday. This time you sit in the control room. The strips are the five layers, in the order in which a fault flows; a filled square is a page, an open one a ticket. Below them is you.

# %%
room = Room(four_pages.incident("C", SEED))
room.poster

# %% [markdown]
# In a live notebook the cell below is the room: alerts with the owner and the runbook's line, the shelf, the levers, the clock. Every button can be reached with the Tab key and says one command; the text below the desk is the same in words, and takes commands, too. Play it before you go on.

# %%
room

# %% [markdown]
# On paper you can follow one who did: one look, one call, then days. The commands are words, here as everywhere: in the room, in this cell, and in a terminal with `mlsys-lessons drill --scenario NAME`. An owner who is asked answers in the morning.

# %%
second = four_pages.incident("C", SEED)
over = converse(second, ["inspect inputs", "ask_owner amount", "advance", "advance 13"])
Room(second).poster

# %% [markdown]
# The mean amount was many times the usual, overnight, and customers cannot do that: a unit can. The field has an owner, and the runbook's line has a name on it. The yellow window is what was true all the while; it ended when somebody else did something, because you asked.
#
# Now the other operator, who is faster. Whatever rings, the model is taken out of service the same night, and a simple rule answers; when all is quiet, the model comes back. Nobody can say that nothing was done.

# %%
bet2.guess(...)  # "less than doing nothing" or "more than doing nothing"

# %%
fast = play(four_pages.incident("C", SEED), threshold_alarm)
nothing = four_pages.nothing_done("C", SEED)
words = ("less than doing nothing", "more than doing nothing")
bet2.reveal(words[fast.score.lost > nothing.lost], "The cure was dearer than the disease.")
expect(fast.score.lost > nothing.lost, "in most worlds the cure is dearer", "the incident was a dear one")
three = {"you, asking the owner": second.score, "nothing": nothing, "out of service while it rings": fast.score}
pd.Series({name: round(score.lost / 100) for name, score in three.items()}, name="euros lost beyond the best")

# %% [markdown]
# Half of the merchants sent wrong amounts. Out of service, the model had no opinion about anybody's.
#
# ## What a command is
# No table says what an action leads to. A player is the running system's *responder*: the same function of an observation that the course's own on-call is, asked at the same midnight. Here is that player, and the fast operator, whole. In which line is it decided that the model is to blame?

# %%
from mlsys_lessons.drill.runs import Script

print(inspect.getsource(Script.__call__), inspect.getsource(threshold_alarm), sep="\n")

# %% [markdown]
# In `"fall_back"`, before anything has been looked at. It reads `observation.alerts` for whether, and never for what.
#
# ## What is a good night?
# A score needs two ends. 100 is the listed remedy at the first midnight of harm, 0 is doing nothing. And a quiet week, in which nothing is at stake? Write it.

# %%
q1

# %% tags=["exercise"] exercise_id="lesson14.q1"
def points(lost, at_stake, day):
    ...

q1.check(points)

# %%
for name, score in {**lives, **three}.items():
    ours = answers.points(score.lost, score.at_stake, score.day)
    print(f"{name:30} {ours:5.1f} points; {score.lost / 100:6,.0f} euros of {max(score.at_stake, score.day) / 100:,.0f}")

# %% [markdown]
# ## The next line
# What does an experienced operator do in the first five minutes? Less than one would think: reads the alerts from the source downstream, and takes the first line of the runbook that nobody is working on.

# %%
q2

# %% tags=["exercise"] exercise_id="lesson14.q2"
def next_line(alerts, asked, day):
    order = ["operations", "inputs", "outputs", "decisions", "business"]
    ...

q2.check(next_line)

# %% [markdown]
# ## A week
# Four pages, A to D, in worlds that no lesson has shown. Five operators: one does nothing; one acts whenever it rings, as above; one rolls back, always; one follows the runbook's lines; and one has been told the cause beforehand. What does the second reach, of 100, on average?

# %%
bet3.guess(...)  # points of 100

# %%
table = four_pages.stored()
week = four_pages.of_a_week(table)
points_of = week["effect"].round().astype(int)
title = (f"Acting at each ring: {points_of[four_pages.FAST]} points. Doing nothing: {points_of[four_pages.NOTHING]}")
axes = charts.bars_with_intervals(
    week, title=title, unit=f"points of a week, mean of {table['seed'].nunique()} worlds",
)
charts.show(axes, alt=f"Points by operator: {points_of.to_dict()}")
bet3.reveal(int(points_of[four_pages.FAST]), f"Whoever does nothing gets {points_of[four_pages.NOTHING]}.")

# %%
pages = four_pages.by_page(table)
idle = [letter for letter, name in four_pages.PAGES.items() if four_pages.scenario(name).quiet]
title = f"Whoever knows the cause does nothing on {len(idle)} of {len(four_pages.PAGES)} pages"
axes = charts.heat_map(pages, title=title, unit="median points; dark is many")
charts.show(axes, alt=f"{title}. Median points: {pages.round().astype(int).to_dict('index')}")
dear = table.query("page == 'C'").pivot(index="seed", columns="policy", values="lost_euros")
worse = (dear[four_pages.FAST] > dear[four_pages.NOTHING]).sum()
print(f"page C: acting at the ring is dearer than doing nothing in {worse} of {len(dear)} worlds")
weeks = table.groupby(["seed", "policy"])["lost_euros"].sum().unstack("policy")
more = weeks[four_pages.FAST] - weeks[four_pages.NOTHING]
print(f"over the week it is dearer in {(more > 0).sum()} of {len(more)}, by {more.mean():,.0f} euros on average")

# %% [markdown]
# The last line is the one to look at. Act fast? The fast operator lost to the one who slept. On page A nothing was repaired by it; on page C it was the incident. And the best operator did nothing, twice: not out of laziness, but after a look that would have shown something if there had been anything.
#
# Two things the table does not say. A needless roll-back costs three points here, because thirty euros of somebody's time are little beside a day's margin; a firm in which a deployment is a risk would write another scale. And these are few worlds: the intervals above are wide, and on page C luck decides whether sleep costs thousands or nothing.
#
# ## Your policy
# Now write the operator. It meets three incidents of the same look, in worlds that you have not seen. You may look at whatever you like meanwhile; the prices are below.

# %%
print("\n".join(help_text().splitlines()[:11]))
q3

# %% tags=["exercise"] exercise_id="lesson14.q3"
def my_policy(observation):
    tried = {*observation.asked, *(command for _, command in observation.history)}
    ...
    return "advance"

q3.check(my_policy)

# %% [markdown]
# The same function in a file plays all scenarios: `mlsys-lessons drill --scenario NAME --policy mine:my_policy`. `mlsys-lessons drill --league` prints the table of all scenarios for those who want to compare. And a check-ride has no name on its door: `mlsys-lessons drill --seed 2026` draws an incident, and says which it was when it is over.
#
# ## The page to fill
# An incident is over when somebody has written down what will be different. Facts come from the run; what helped, what stood in the way and who changes what come from you. It names mechanisms, signals and owners, and no culprit.

# %%
print(second.debrief().postmortem)

# %% [markdown]
# ## How resilient is *your* system?
# Thirteen lessons have left you with parts: a cut that knows amounts, a contract, a fallback, monitors with owners, reviewers, a retraining rule. Put them in. What stands here is the course's own; change a line, and six bad weeks with four times the usual incidents are yours.

# %%
def my_system(seed):
    return mls.resilient_system(seed=seed)  # .with_(decisions=..., monitor=..., model=...)

season = own_system.season(my_system, SEED)
print(own_system.told(season).to_string(index=False, na_rep="never"))

# %% [markdown]
# Read it as a list of nights. *Noticed by* is the column to be proud of: `alert` means that a number called somebody; `till` and `customers` mean that money did.
#
# One season is an anecdote. Put the function into a file `mine.py` and let it live through twenty years that no lesson has shown: `mlsys-lessons claims C28 --system mine:my_system`. This is what the course's own system came to; compare lines of one rate of incidents, for the ordinary rate has more worlds behind it than the others:

# %%
c28 = claims.stored("C28")
print(stored_claims.told(c28), c28.notes[1], sep="\n    ")
shown = c28.table.drop(columns=["realised"]).round(1)
print(shown.to_string(index=False, na_rep=""))

# %% [markdown]
# ## Your runbook line, and the sheet
# The first line of the runbook is about the runbook: what tells you that there is nothing to do? Then the five questions, for the system that you are really on call for.

# %%
runbook.add("lesson14", signal=..., owner=..., action=..., rollback=...)
for question in (1, 2, 3, 4, 5):
    five_questions.answer("lesson14", question, ...)
five_questions.sheet()

# %% [markdown]
# ## Carry it home
# - Take your team's last five pages. On how many was the best thing to do nothing, and how long did it take to be sure?
# - Which of your mitigations has never been tried on a quiet day?
#
# *Read on:* Beyer and others, *Site Reliability Engineering* (2016), chapters on being on call and on postmortem culture. Allspaw, *Trade-offs under pressure* (2015): how engineers find out, with the clock running.
#
# This is the end of the course. The notebook worked in lesson 01, and nothing in it was wrong; everything that you have met since happened outside of it. Models do not fail in notebooks. Close the room, put the phone where you can hear it, and go and ask the five questions at work.
