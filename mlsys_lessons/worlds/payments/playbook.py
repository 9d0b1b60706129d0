"""The playbook: every scheme that a world will ever know, from which day, as arrays.

It is the same whatever anybody decides: the history knows the first schemes, and from day 0 others
are invented by luck, `Drift.invention` a year. Who uses which is in fashion; arrays are indexed by
scheme.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlsys_lessons.ids import Ints
from mlsys_lessons.randomness import Floats, luck
from mlsys_lessons.records import LAST_TICK
from mlsys_lessons.worlds.payments.customers import YEAR, Population
from mlsys_lessons.worlds.payments.merchants import CATEGORY_SHARE, HOME_SHARE
from mlsys_lessons.worlds.payments.schemes import KNOWN, MAX_DAYS, SCHEMES, Scheme, variant

TARGETS = 25  # shops a ring knows to work, for each scheme
MAX_SCHEMES = 64  # room in keys of luck: twelve inventions a year for three years, and many more
_MAX_COPYING = 0.95


class Playbook(NamedTuple):
    """All schemes of a world, as parallel arrays."""

    schemes: tuple[Scheme, ...]
    invented: Floats  # day, from 0; -inf for those of the history
    hours: Ints
    log_amount: Floats  # (scheme, later?): log median euros
    spread: Floats  # (scheme, later?): of the log
    odds: Floats  # of paying online
    pace: Floats  # (scheme, day of a campaign): mean attempts beyond the first probe
    attempts: Floats  # the same with it
    days: Ints  # of a campaign
    aimed: Floats
    ranked: Floats  # (scheme, place in a ring's list): share of the aimed
    where: Ints
    tilt: Floats  # (scheme, category): how much more often than by popularity the rest go there
    turned: Floats  # (scheme, category's edge): distribution over categories with that tilt
    appeal: Floats  # (scheme, shop): cumulated P(shop becomes a ring's target)
    young: Floats
    copying: Floats
    fewer: Floats  # campaigns, relative to the first scheme: attempts are as many

    def copying_share(self, scheme: NDArray[np.integer] | int, drifted: Floats | float) -> Floats:
        """Share of attempts that copy the victim: the scheme's own, and concept drift's."""
        return np.asarray(np.minimum(self.copying[scheme] + drifted, _MAX_COPYING))

    def tilted(self, scheme: NDArray[np.integer], uniform: Floats) -> Floats:
        """Uniform numbers for `Merchants.pick`, bent so that categories have the scheme's shares.

        Shops of a country stand in order of category, so a piecewise line does it.
        """
        plain = np.tile(np.append(0.0, np.cumsum(CATEGORY_SHARE)), len(self.schemes))
        edges = self.turned + np.arange(len(self.schemes))[:, None]
        return np.interp(scheme + uniform * (1 - 1e-12), edges.ravel(), plain)


@lru_cache(maxsize=6)
def playbook(population: Population) -> Playbook:
    """All schemes of a population's world.

    >>> from mlsys_lessons.worlds.payments.knobs import Drift
    >>> from mlsys_lessons.worlds.payments.population import populate
    >>> [scheme.name for scheme in playbook(populate(0, 1_000, Drift.none())).schemes]
    ['card testing', 'counterfeit', 'gift cards', 'travel abroad']
    """
    schemes, invented = _inventions(population.seed, population.drift.invention)

    def column(name: str) -> Floats:
        return np.array([getattr(scheme, name) for scheme in schemes], dtype=np.float64)

    pace = np.array([scheme.pace + (0.0,) * (MAX_DAYS - len(scheme.pace)) for scheme in schemes])
    attempts, taste = pace + (np.arange(MAX_DAYS) == 0), column("appeal")
    amounts = np.stack([column("probe"), column("later")], axis=1)
    tilt = taste ** column("leaning")[:, None]
    tilt /= (tilt @ CATEGORY_SHARE)[:, None]
    rank = np.arange(1, TARGETS + 1) ** -column("loyalty")[:, None]
    load = attempts.sum(axis=1) * (1.0 + column("young") * population.mean_youth)
    return Playbook(
        schemes, invented, hours=column("hours").astype(int), log_amount=np.log(amounts[:, :, 0]),
        spread=amounts[:, :, 1], odds=1.0 / (1.0 / column("online") - 1.0), pace=pace,
        attempts=attempts, days=np.array([len(scheme.pace) for scheme in schemes]),
        aimed=column("aimed"), ranked=rank / rank.sum(axis=1, keepdims=True),
        where=column("where").astype(int), tilt=tilt,
        turned=np.pad(np.cumsum(tilt * CATEGORY_SHARE, axis=1), ((0, 0), (1, 0))),
        appeal=_appeal(population, taste, column("small")), young=column("young"),
        copying=column("copying"), fewer=load[0] / load,
    )  # fmt: skip


def _appeal(population: Population, taste: Floats, small: Floats) -> Floats:
    """Distribution over shops that a ring finds; those of a launch are found by nobody."""
    shops = population.merchants
    weight = taste[:, shops.category] * shops.popularity ** -small[:, None]
    cumulated = np.cumsum(np.where(HOME_SHARE[shops.country] > 0, weight, 0.0), axis=1)
    return cumulated / cumulated[:, -1:]


def _inventions(seed: int, a_year: float) -> tuple[tuple[Scheme, ...], Floats]:
    """The schemes of the history and those to come, each with its day: a Poisson process.

    A higher pace brings the same inventions sooner. Told ones come first, in an order by luck.
    """
    numbers = np.arange(MAX_SCHEMES - KNOWN)
    gaps = -np.log(luck(seed, "scheme.invented", numbers)) * YEAR
    days = np.ceil(np.cumsum(gaps) / max(a_year, 1e-9))
    days = days[days <= LAST_TICK]
    order = np.argsort(luck(seed, "scheme.order", np.arange(KNOWN, len(SCHEMES)))) + KNOWN
    variants = [variant(seed, number + 1) for number in range(len(days) - len(order))]
    new = [*(SCHEMES[place] for place in order), *variants][: len(days)]
    return (*SCHEMES[:KNOWN], *new), np.append(np.full(KNOWN, -np.inf), days)
