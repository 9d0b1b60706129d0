"""The schemes: ways of turning a stolen card into money, as plain data.

Eight are told here; the first four are as old as the history, the others are invented later, and
after them variants of the old ones (see playbook). Nothing here attacks anybody. A ring's rate of
attempts does not depend on its scheme: whoever tries more often on a card steals fewer cards.

A source with a letter stands in public texts (P in the publisher's own, S in a third party's);
every number is assumed, chosen so that an attempt of any scheme is worth about the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mlsys_lessons.randomness import luck, normal_luck
from mlsys_lessons.worlds.payments.calendars import BOTS, FRAUD, HOURS, WEEKDAY, WEEKEND

HABIT, HOME, ABROAD = range(3)  # countries where a thief pays: the victim's usual ones, or not
MAX_DAYS = 10  # of one stolen card in use
_MOST_A_DAY = 12.0  # mean attempts on a day of a campaign; campaigns has room for 64


@dataclass(frozen=True)
class Scheme:
    """How one kind of attack looks.

    pace
        Mean attempts on each day of a campaign, beyond the certain first one.
    probe, later
        Euros on the first day, and after it: median, and standard deviation of the logarithm.
    online
        Share of payments over the web.
    hours
        A row of calendars.HOURS.
    appeal
        Relative liking for each category of domain.CATEGORIES.
    aimed, loyalty, small
        Share of attempts at shops of the ring's own list, how steeply its first shops are
        preferred, and how much small shops are.
    where, leaning
        In which countries the other attempts are, and how much they too follow `appeal`.
    young
        A new account is 1 + young times as exposed as an old one.
    copying
        Share of attempts that copy the victim's own habits, whatever the scheme.
    """

    name: str
    told: str
    source: str
    pace: tuple[float, ...]
    probe: tuple[float, float]
    later: tuple[float, float]
    online: float
    appeal: tuple[float, ...]
    hours: int = FRAUD
    aimed: float = 0.5
    loyalty: float = 0.7
    small: float = 0.0
    where: int = HABIT
    leaning: float = 0.0
    young: float = 2.0
    copying: float = 0.08

    def __repr__(self) -> str:
        """Tell it in one line."""
        return f"Scheme({self.name}: {self.told})"


# Categories: grocery, fuel, restaurant, fashion, electronics, travel, gaming, gift cards.
SCHEMES = (
    Scheme(
        "card testing", "probe small online, cash out on the days after", "Visa, Stripe, P",
        pace=(0.3, 1.5, 1.0, 0.5), probe=(6.0, 0.8), later=(120.0, 0.75), online=0.75,
        appeal=(0.5, 0.3, 0.7, 1.6, 2.6, 1.6, 2.2, 3.0),  # what is easily sold again
    ),
    Scheme(
        "counterfeit", "a copied card, at the counters of shops by day", "assumed",
        pace=(0.5, 1.5, 1.0, 0.3), probe=(70.0, 0.8), later=(110.0, 0.7), online=0.03,
        appeal=(1.0, 2.0, 0.5, 2.0, 4.0, 0.3, 0.3, 1.0), hours=WEEKEND, aimed=0.3, leaning=1.0,
    ),
    Scheme(
        "gift cards", "gift cards of much the same amount, sold on the same night", "assumed",
        pace=(1.0, 2.5, 1.0), probe=(30.0, 0.5), later=(130.0, 0.3), online=0.9,
        appeal=(0.5, 0.2, 0.2, 0.5, 0.5, 0.2, 4.0, 30.0), aimed=0.6, leaning=0.5,
    ),
    Scheme(
        "travel abroad", "hotels, meals and shopping far from the victim's home", "assumed",
        pace=(0.2, 1.0, 0.8, 0.6, 0.4), probe=(20.0, 0.8), later=(150.0, 0.7), online=0.35,
        appeal=(0.5, 1.5, 1.5, 1.0, 2.0, 4.0, 0.3, 0.5), hours=WEEKEND, aimed=0.1,
        where=ABROAD, leaning=1.0,
    ),
    Scheme(
        "low and slow", "one modest payment every other day for ten days", "assumed",
        pace=(0.0,) + (0.5,) * 9, probe=(18.0, 0.6), later=(85.0, 0.5), online=0.85,
        appeal=(0.3, 0.2, 0.3, 3.0, 3.0, 2.0, 2.0, 1.0), aimed=0.25, leaning=1.0,
    ),
    Scheme(
        "bust-out", "an account opened to be emptied while it is young", "UK Finance, S",
        pace=(1.0, 1.5, 0.5), probe=(40.0, 0.8), later=(180.0, 0.7), online=0.5,
        appeal=(0.7, 0.5, 0.5, 2.0, 4.0, 2.5, 1.0, 2.0), hours=WEEKEND, aimed=0.3, leaning=1.0,
        young=25.0,
    ),
    Scheme(
        "complicit merchants", "small shops that charge stolen cards and share", "assumed",
        pace=(0.3, 0.9, 0.7, 0.5, 0.3), probe=(60.0, 0.5), later=(95.0, 0.5), online=0.2,
        appeal=(0.5, 0.3, 3.0, 3.0, 2.0, 1.0, 0.5, 0.5), hours=WEEKDAY, aimed=0.95, loyalty=1.5,
        small=1.0, where=HOME,
    ),
    Scheme(
        "bot bursts", "programs try cards in harmless shops before dawn; the best are used at once",
        "Visa, P", pace=(0.5, 0.4, 0.5, 0.4, 0.3), probe=(14.0, 0.4), later=(130.0, 0.4),
        online=0.9, appeal=(4.0, 1.0, 3.0, 3.0, 0.5, 0.3, 0.3, 0.3), hours=BOTS, aimed=0.5,
        small=0.5, leaning=1.0,
    ),
)  # fmt: skip
KNOWN = 4  # schemes of the history


def variant(seed: int, number: int) -> Scheme:
    """The number-th variant that is invented: an old scheme with its parameters moved by luck.

    >>> variant(0, 1) == variant(0, 1) != variant(0, 2)
    True
    """
    ids = np.array([number])

    def coin(purpose: str) -> float:
        return float(luck(seed, f"variant.{purpose}", ids)[0])

    def moved(value: float, purpose: str, spread: float) -> float:
        return value * float(np.exp(spread * normal_luck(seed, f"variant.{purpose}", ids)[0]))

    old = SCHEMES[int(coin("of") * len(SCHEMES))]
    odds = moved(old.online / (1.0 - old.online), "online", 1.0)
    pace = np.minimum(moved(1.0, "pace", 0.4) * np.array(old.pace), _MOST_A_DAY)
    taste = [moved(liking, f"appeal {place}", 0.7) for place, liking in enumerate(old.appeal)]
    return replace(
        old,
        name=f"{old.name} {number}",
        told=f"{old.told}, but not quite",
        source="assumed",
        pace=tuple(pace.tolist()),
        probe=(moved(old.probe[0], "probe", 0.5), old.probe[1]),
        later=(moved(old.later[0], "later", 0.3), old.later[1]),
        online=odds / (1.0 + odds),
        appeal=tuple(taste),
        hours=int(coin("hours") * len(HOURS)),
        aimed=coin("aimed"),
        where=int(coin("where") * 3),
        young=min(moved(old.young, "young", 0.5), 30.0),
    )
