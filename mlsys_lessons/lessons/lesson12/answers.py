"""Answers to lesson 12's questions: ours, the tempting ones, the cases that tell them apart.

What is asked, and what each tempting answer misses, stands in questions.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

# --- q1: days until it can be seen ---------------------------------------------------------------


def days_to_see(rate, change, share, rows_a_day):
    """Rows that equal arms would need, over what a day of unequal ones is worth."""
    middle = rate + change / 2
    needed = 16 * middle * (1 - middle) / change**2
    return needed / (2 * share * (1 - share) * rows_a_day)


def by_the_canary_alone(rate: float, change: float, share: float, rows_a_day: float) -> float:
    """Until the canary has its rows, as if the old version's rate were known."""
    return days_to_see(rate, change, share, rows_a_day) * 2 * (1 - share)


def by_all_rows(rate: float, change: float, share: float, rows_a_day: float) -> float:
    """Until all requests together are so many."""
    return days_to_see(rate, change, share, rows_a_day) * 4 * share * (1 - share)


def by_the_old_rate(rate: float, change: float, share: float, rows_a_day: float) -> float:
    """With the scatter of the old rate, although the new one scatters otherwise."""
    return 16 * rate * (1 - rate) / change**2 / (2 * share * (1 - share) * rows_a_day)


def canary_cases(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Small and even shares of small and large shops."""
    for share in (0.01, 0.05, 0.25, 0.5):
        rate = float(generator.uniform(0.002, 0.05))
        change = rate * float(generator.uniform(0.1, 2.0)) * (-1 if share == 0.05 else 1)
        rows = float(generator.integers(500, 50_000))
        yield {"rate": rate, "change": change, "share": share, "rows_a_day": rows}


# --- q2: the burn alert --------------------------------------------------------------------------


def burning(bad, asked, promise):
    """Both windows, the last hour and its last five minutes, burn at 14.4 or more."""
    rates = []
    for minutes in (60, 5):
        wrong, all_of = (
            pd.Series(counts).rolling(minutes, min_periods=1).sum() for counts in (bad, asked)
        )
        rates.append(wrong / all_of / (1 - promise))
    return (np.minimum(*rates) >= 14.4).to_numpy()


def _burns(bad: Any, asked: Any, promise: float, minutes: int) -> Any:
    over = [pd.Series(each).rolling(minutes, min_periods=1).sum() for each in (bad, asked)]
    return (over[0] / over[1] / (1 - promise) >= 14.4).to_numpy()


def the_long_window(bad: Any, asked: Any, promise: float) -> Any:
    """The last hour alone."""
    return _burns(bad, asked, promise, 60)


def every_minute(bad: Any, asked: Any, promise: float) -> Any:
    """Each minute by itself."""
    return _burns(bad, asked, promise, 1)


def either_window(bad: Any, asked: Any, promise: float) -> Any:
    """One of the two is enough."""
    return _burns(bad, asked, promise, 60) | _burns(bad, asked, promise, 5)


def minute_cases(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """A hiccup, an outage that ends, a slow burn, and nights in which nobody comes."""
    for minutes, promise in ((260, 0.999), (200, 0.99)):
        asked = generator.integers(300, 900, minutes)
        bad = generator.binomial(asked, 0.2 * (1 - promise))
        bad[30] = asked[30] // 9  # a hiccup
        bad[90:102] = asked[90:102] // 3  # an outage
        bad[110:112] = 0
        asked[102:109], bad[102:109] = 0, 0  # and then nobody comes
        bad[150:190] = (asked[150:190] * 20 * (1 - promise)).astype(int)
        yield {"bad": bad, "asked": asked, "promise": promise}
    quiet = np.zeros(12, dtype=int)
    yield {"bad": quiet, "asked": quiet, "promise": 0.999}
    yield {"bad": np.array([4, 3, 0]), "asked": np.array([5, 5, 9]), "promise": 0.95}


# --- q3: whose is it -----------------------------------------------------------------------------


def route(alerts, owners):
    """The owner of the longest line that fits; a page that is nobody's wakes the duty manager."""
    called = []
    for path, severity in alerts[["path", "severity"]].to_numpy():
        words = path.split(".")
        fits = [line for line in owners if words[: line.count(".") + 1] == line.split(".")]
        spare = "duty manager" if severity == "page" else "nobody"
        called.append(owners[max(fits, key=len)] if fits else spare)
    return called


def _called(alerts: pd.DataFrame, owners: dict[str, str], lines: list[str]) -> list[str]:
    """The owner of each alert's line; the spare one where it has none."""
    spare = np.where(alerts["severity"] == "page", "duty manager", "nobody").tolist()
    return [owners.get(line, other) for line, other in zip(lines, spare, strict=True)]


def the_layer_s_owner(alerts: pd.DataFrame, owners: dict[str, str]) -> list[str]:
    """By the first word alone."""
    return _called(alerts, owners, [path.partition(".")[0] for path in alerts["path"]])


def the_first_that_fits(alerts: pd.DataFrame, owners: dict[str, str]) -> list[str]:
    """By the first line of the list that fits."""
    fits = [[p for p in owners if f"{path}.".startswith(f"{p}.")] for path in alerts["path"]]
    return _called(alerts, owners, [each[0] if each else "" for each in fits])


def by_letters(alerts: pd.DataFrame, owners: dict[str, str]) -> list[str]:
    """By letters, not by words: `amount` fits `amount_mean`."""
    fits = [[p for p in owners if path.startswith(p)] for path in alerts["path"]]
    return _called(alerts, owners, [max(each, key=len, default="") for each in fits])


def alert_cases(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Lists of owners in any order, with lines for a layer, a metric, a field, and gaps."""
    lines = {
        "inputs": "payments platform", "inputs.null_rate": "data engineering",
        "inputs.null_rate.amount": "checkout", "inputs.amount": "nobody any more",
        "outputs": "ML team", "outputs.psi": "research", "operations.latency_p99": "platform",
    }  # fmt: skip
    paths = np.array([
        "inputs.null_rate.amount", "inputs.null_rate.country", "inputs.amount_mean",
        "outputs.psi_score", "outputs.psi", "operations.latency_p99", "operations.requests",
        "business.booked_cents", "inputs.null_rate",
    ])  # fmt: skip
    severities = ["page"] * 5 + ["ticket"] * 4
    for _ in range(6):
        names = generator.permutation(list(lines)).tolist()
        taken = generator.permutation(paths)
        alerts = pd.DataFrame({"path": taken, "severity": generator.permutation(severities)})
        yield {"alerts": alerts, "owners": {name: lines[name] for name in names}}
    both = pd.DataFrame({"path": paths[:2], "severity": ["ticket", "page"]})
    yield {"alerts": both, "owners": {}}


# --- q4: the ramp --------------------------------------------------------------------------------


def my_ramp(night, shadow, counts):
    """Nobody until the shadow has stops to compare; then half of them, or nobody; then all."""
    old, new = shadow.loc["old", "would stop"], shadow.loc["new", "would stop"]
    if old < 15 or not old / 3 < new < 3 * old:
        return 0.0
    return 0.5 if night < 4 else 1.0


def ship_it(night: int, shadow: pd.DataFrame, counts: pd.DataFrame) -> float:
    """Its offline numbers were fine."""
    return 1.0


def never(night: int, shadow: pd.DataFrame, counts: pd.DataFrame) -> float:
    """Nothing can go wrong."""
    return 0.0


def a_clean_canary(night: int, shadow: pd.DataFrame, counts: pd.DataFrame) -> float:
    """Five per cent for a week, and everybody if no difference is significant."""
    from mlsys_lessons.components.inference.canary import difference
    from mlsys_lessons.lessons.lesson12.rollout import arms

    if night < 7:
        return 0.05
    worse = difference(*arms(counts, "reported")).low > 0
    return 0.0 if worse else 1.0
