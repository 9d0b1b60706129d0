# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
#   named_surprise: >-
#     A competent guess: quality wins in the end. What happens: the same hundred items, the same users,
#     ten parallel worlds that differ in the luck of the first clicks, and eight different number ones
#     (seven to ten in twenty unseen seeds; the best item leads 18 of those 200 worlds).
#     And in search the correction that everybody writes first, clicks divided by the click rate of
#     their place, ranks worse than raw clicks in each of twenty worlds, and in 18 of them worse than
#     learning nothing.
# ---

# %% [markdown]
# # 10 · Ranking loops
#
# *Monday, 09:15.* The editor of the front page has a list in her hand: the most clicked items of the month. She wants to buy ten more like number one.
#
# "What does it have that the others don't?"
#
# Before you answer: every item on this page was shown because it had been clicked, and clicked because it was shown. Here is her list. The last three columns are what only a simulated world can print.

# %%
import inspect

import numpy as np
import pandas as pd

from mlsys_lessons import charts, claims
from mlsys_lessons.components.feedback.position_bias import swap_propensities
from mlsys_lessons.experiments.front_pages import merit, told_of_merit
from mlsys_lessons.lessons import five_questions, runbook, stored_claims
from mlsys_lessons.lessons.expectation import expect
from mlsys_lessons.lessons.lesson10 import answers, figures, pages, questions, results, sureness
from mlsys_lessons.lessons.lesson10.questions import bet1, bet2, bet3, bet4, q1, q2, q3, q4
from mlsys_lessons.lessons.lesson10.slider import Market, widget
from mlsys_lessons.worlds.recommender.popularity import gini, parallel_worlds, unpredictability

# %%
SEED = 7
page = pages.lived(pages.founded(SEED))
print(f"{len(page.days)} days, {page.days['slates'].sum():,.0f} slates of ten places, {pages.ITEMS} items")
pages.front(page)

# %% [markdown]
# "Orders of 100 looks" is an item's merit: how often it is bought if somebody looks at it, the mean of all users. "True rank" is its place by that.
#
# A page can be lived only once, and this is how you would be right to doubt the table: one month, one list. So live it ten times. Users, items, tastes and merits are the same in each world, to the last digit. Only the luck of the first clicks differs, those from before the month began.

# %%
bet1.guess(...)  # of ten worlds

# %%
worlds = pages.parallel(SEED)
ones = pages.number_ones(worlds)
count, best = ones["number one"].nunique(), int((ones["true rank"] == 1).sum())
title = f"Same qualities, ten worlds, {count} different number ones; the best leads in {best}"
ranks = ", ".join(map(str, ones["true rank"]))
charts.show(figures.number_ones(ones, title=title, items=pages.ITEMS), alt=f"{title}. True ranks: {ranks}.")
bet1.reveal(count, f"In the median world the number one is the true number {ones['true rank'].median():.0f}.")
expect(count > 5, "in most seeds most worlds have a number one of their own", "one item is far ahead by luck")

# %% [markdown]
# In each of these worlds an analyst writes a report on why *that* item had to win. Salganik, Dodds and Watts did it with real people and real songs in 2006: eight worlds, the same 48 songs, other hits in each.
#
# ## Open the bonnet
# This is all that the page does. `clicks + FLOOR` gives each item one click to begin with; `exponent` says how strongly the past counts. Which line asks whether an item is good?
#
# You will find none. So take merit out altogether: twenty *equal* items, one visitor after another, each shown one item by past clicks. After two thousand visitors, how many of 100 clicks has the leader? With equal shares it would be 5.

# %%
from mlsys_lessons.worlds.recommender.slates import exposure

print(inspect.getsource(exposure))

# %%
bet2.guess(...)  # of 100 clicks

# %%
equal = 20
clicks = {power: parallel_worlds(np.ones(equal), worlds=100, visitors=2_000, exponent=power, seed=SEED)
          for power in (0.0, 0.5, 1.0, 2.0)}  # fmt: skip
rows = {power: {"leader, of 100": 100 * (c.max(axis=1) / c.sum(axis=1)).mean(), "gini": gini(c).mean(),
                "unpredictability": unpredictability(c)} for power, c in clicks.items()}  # fmt: skip
urn = pd.DataFrame(rows).T.rename_axis("past clicks to the power")
harmonic = sum(1 / k for k in range(1, equal + 1))
bet2.reveal(round(urn.loc[1.0, "leader, of 100"]), f"By closed form {100 * harmonic / equal:.1f}.")
print(f"gini at power 1: {urn.loc[1.0, 'gini']:.3f}; closed form (K - 1) / 2K: {(equal - 1) / (2 * equal):.3f}")
urn.round(3)

# %% [markdown]
# At power 1 this is Polya's urn. It never settles where it should; it settles somewhere, and stays. Above 1 one item takes everything. **Gini** is 0 where all have the same and near 1 where one has all; **unpredictability** is how far an item's share in one world is from its share in another.
#
# Now move the two numbers yourself. Twelve songs, of which song 1 is liked three times as often as song 12, and nobody starts ahead. The text is the slider's first position, and a stronger loop.

# %%
print(Market(1.0, 0.0, SEED), Market(2.0, 0.0, SEED), sep="\n\n")
widget(SEED)

# %% [markdown]
# Be fair to quality: with an equal start, merits that differ by a factor of three, and power 1, the best song leads most worlds. Popularity is noise plus merit. How much of which depends on head starts, on how far items differ, and on the power.
#
# ## Write the step
# A team that has read this far adds exploration: some places go to an item at random.

# %%
q1

# %% tags=["exercise"] exercise_id="lesson10.q1"
def shares(clicks, exponent, exploration):
    weight = ...
    return ...

q1.check(shares)

# %% [markdown]
# ## "Then we explore a bit"
# A fifth of all places, given to chance, for the same month. How many of the ten truly best items are among the ten most clicked, without it and with it?

# %%
explored, same = pages.parallel(SEED, 5, exploration=0.2), worlds[:5]
good = merit(page.world)[: pages.ITEMS]
both = same, explored
found = [10 * np.mean([told_of_merit(one.clicks, good).best_found for one in lived]) for lived in both]
orders = [1_000 * np.mean([one.orders_a_slate for one in lived]) for lived in both]
print(f"of the ten best in the top ten: {found[0]:.1f} by clicks, {found[1]:.1f} with a fifth by chance")
cents = page.world.domain.costs.conversion  # of an order
euros = [cents / 100 * each for each in orders]
print(f"euros of orders, of 1,000 slates: {euros[0]:.1f} by clicks, {euros[1]:.1f} with a fifth by chance")
expect(abs(found[1] - found[0]) < 2, "in a month exploration moves the list by little", "a lucky find")

# %% [markdown]
# The list hardly moves. Exploration *collects* what is needed, and the list does not *read* it: it still counts clicks, of items that were shown a hundred times beside items that were shown ten times. The repair is a division. The first table is the same logs, read as clicks and as orders for each place shown.
#
# A count has another victim: whoever was not there. The second table is the same page with a catalogue that triples in a year. Items that came during the month start with no click.

# %%
def read(lived):
    counts, old = lived.state.counts, slice(0, pages.ITEMS)
    rates = {"clicks": counts.clicks, "clicks a place": counts.click_rate, "orders a place": counts.order_rate}
    return {name: 10 * told_of_merit(values[old], good).best_found for name, values in rates.items()}

table = pd.DataFrame({"by clicks": pd.DataFrame(map(read, same)).mean(),
                      "a fifth by chance": pd.DataFrame(map(read, explored)).mean()})  # fmt: skip
expect(table.loc["orders a place"].min() > table.loc["clicks"].max(),
       "a rate finds more of the best than a count", "few orders in a month")  # fmt: skip
table.rename_axis("of the ten best, found among the top ten by").round(1)

# %%
growing = [pages.founded(SEED, item_growth=2.0, exploration=share) for share in (0.0, 0.2)]
young = [pages.newcomers(pages.lived(world)) for world in growing]
fresh = pd.concat(young, keys=["by clicks", "a fifth by chance"], names=["page", "it was"])
times = [one["places a day"].iloc[0] / one["places a day"].iloc[1] for one in young]
print(f"an old item has {times[0]:.0f} times a newcomer's places; with a fifth by chance {times[1]:.1f} times")
fresh.round(1)

# %% [markdown]
# For the newcomer exploration does what it is for. Nothing else on this page would ever show a new item to anybody.
#
# ## Retrain every night?
# A page that reads its clicks nightly learns faster than one that read them once. It also feeds on what it has shown. Twenty worlds that no lesson shows, sixty days each, last twenty counted: how alike are two users' clicks, and how many clicks end in content?

# %%
sure = sureness.stored()
nightly = sureness.effects_of_retraining(sure)
alike, content = nightly["effect"]
title = f"Counted nightly: users {alike:.0f} % more alike, {content:.0f} % more content"
axes = charts.bars_with_intervals(nightly, title=title, unit=f"% against one count, mean of {len(sure)} worlds")
charts.show(axes, alt=title)

# %% [markdown]
# Chaney, Stewart and Engelhardt (2018) found users more alike and nobody better served. Here, where clicks do tell something of merit, content rises too, and likeness rises more. Which of the two your page has is a matter of what its clicks know.
#
# ## What the claim says
# The same question at four times the traffic, twenty worlds, thresholds written before the first run:

# %%
c21 = claims.stored("C21")
print(stored_claims.told(c21), *c21.notes, sep="\n    ")
print(stored_claims.effects(c21).round(2), "\n")
columns = ["incidents", "page", "correlation", "best_found", "rate_best_found", "gini", "orders", "euros"]
c21.table[columns].round(2)

# %% [markdown]
# "Incidents" are the power of past clicks: 0, 1, 4. Look at 0: even without a loop the head start of the first clicks is still on the list after sixty days. Look at the euros of 1,000 slates (30 cents an order, less 1 cent for each place that was filled in vain): the page with a loop earns more than the one without, for clicks are
# noise *plus* merit; at 4 it earns least. Exploration costs a little in sixty days, and the *count* has learned nothing from it. Divided by places, the same log finds more of the best.
#
# ## Your page
# So far the page read clicks. Now it reads what you tell it to. Write the function that it asks each midnight, and beat plain clicks in worlds that you have not seen.

# %%
q4

# %% tags=["exercise"] exercise_id="lesson10.q4"
def my_page(shown, clicks, orders):
    return ...

q4.check(my_page)

# %% [markdown]
# ## The other page
# *Wednesday, 14:30.* The same company has a search box. The engine ranks by how well texts match, and somebody has noticed that it owns a month of clicks. "Users vote. Let us count."
#
# A results page has ten places. People look at the first in two searches of three, at the tenth in one of seventeen (Joachims, 2005). Suppose all ten documents are equally good.

# %%
bet3.guess(...)  # clicks at the first, for one at the tenth

# %%
from mlsys_lessons.worlds.search.clicks import position_based

flat = position_based(np.full(10, 0.5))
bet3.reveal(round(flat[0] / flat[9], 1), "The documents are the same document.")
log = results.logged(SEED)
print(f"a month of the engine: {len(log.query) // 10:,} pages; clicks a page, by place:")
print(results.click_curve(log).round(3))

# %% [markdown]
# So a click has to be paid for its place. The dashboard above says what each place is clicked at, and the correction writes itself: divide each click by the click rate of its place. Order every query's documents by that. nDCG compares an order with the true one: 1 is the best there is, and the order as shown, learning nothing, is the zero to beat.

# %%
bet4.guess(...)

# %%
scores = results.scores(log)
quality = pd.Series({name: results.quality(log, scores[name]) for name in results.ORDERS[:3]})
shown, counted, divided = quality
verdict = np.select([divided < shown, divided < counted], [0, 1], 2)
bet4.reveal(bet4.choices[int(verdict)], f"nDCG {divided:.3f}; as shown {shown:.3f}, raw clicks {counted:.3f}.")
expect(divided < counted, "in most worlds the division ranks worse than raw clicks", "a match that says little")
quality.round(3)

# %% [markdown]
# Raw clicks did learn something: a document that is clicked although it stands low must be good. Then the division took most of it away, or more. The click rate of a place holds two things: how often people *look* there, and how good the documents are that the engine *puts* there. The engine puts the good ones at the top. Divide by both, and you
# punish every document for the company that it keeps.
#
# What is needed is the look alone. Then each click counts 1 / look: **inverse propensity scoring**, IPS.

# %%
q2

# %% tags=["exercise"] exercise_id="lesson10.q2"
def attraction(document, position, clicked, examination):
    worth = ...
    return ...

q2.check(attraction)

# %% [markdown]
# And where does the look come from? No click log holds it. You buy it: on some pages a coin decides whether the first document and another one change places. Over both sides of the coin the two places have held the same documents.

# %%
q3

# %% tags=["exercise"] exercise_id="lesson10.q3"
def looks(place, swapped, top, other):
    found = []
    for k in range(1, place.max() + 1):
        ...
    return np.array(found)

q3.check(looks)

# %%
coins = results.swapped_pages(log)
measured = swap_propensities(*coins)
ours = answers.looks(coins[0], coins[1] == 1, *coins[2:])
print(f"yours and the package's differ by at most {np.abs(ours - measured.relative[1:]).max():.1e}")
rate, true = results.click_curve(log), log.examination
title = (f"Place 10 is looked at {true[9] / true[0]:.0%} as often as place 1, "
         f"and clicked {rate[9] / rate[0]:.0%} as often")  # fmt: skip
axes = figures.worth_of_places(measured, true, rate, title=title)
charts.show(axes, alt=f"{title}. By swaps {measured.relative[9]:.2f}.")

# %% [markdown]
# ## How sure?
# Five ways to read one month of clicks, in twenty worlds that no lesson shows.
#
# Where does it stop being true? People take a place near the top for a sign of quality, and then click what is not good. No weight for looks undoes that: trust adds clicks, and weights multiply. The table below is the lesson's month, and once more with five times the usual **trust**. The swaps stay ahead of the known curve: they measure a click's chance at a place, trust and all, which is also why they lie below the black line of the last figure.

# %%
orders = sureness.effects_of_reading(sure)
worse = int((sure[results.BY_PLACE] < sure[results.SHOWN]).sum())
title = f"The obvious correction is worse than no learning in {worse} of {len(sure)} worlds"
axes = charts.bars_with_intervals(orders, title=title, unit="change of nDCG against the order as shown")
charts.show(axes, alt=f"{title}. {orders['effect'].round(3).to_dict()}")
print(f"different number ones of ten worlds: {sure['number_ones'].min()} to {sure['number_ones'].max()}; "
      f"the best item leads {sure['led_by_best'].sum()} of {10 * len(sure)} worlds")  # fmt: skip
trusting = pd.DataFrame({trust: results.compared(results.logged(SEED, trust=trust)) for trust in (0.2, 1.0)})
trusting.T.rename_axis("trust").round(3)

# %% [markdown]
# ## Your runbook line
# A list of "most popular" drives a decision on Thursday. What do you look at, who owns it, what do you do, how do you go back?

# %%
runbook.add("lesson10", signal=..., owner=..., action=..., rollback=...)
five_questions.answer("lesson10", 1, ...)  # where does the data come from?

# %% [markdown]
# ## Carry it home
# - Take your most popular anything. For how many of its clicks can you say what else was shown?
# - Which pages of yours would let a coin swap two results for a week, and whom would you have to ask?
#
# *Read on:* Salganik, Dodds and Watts, *Experimental study of inequality and unpredictability in an artificial cultural market* (2006). Joachims, Swaminathan and Schnabel, *Unbiased learning-to-rank with biased feedback* (2017): weights, swaps, and what they cost.
