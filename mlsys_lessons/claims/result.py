"""A result: a claim's outcome with everything needed to judge it, to read, to store and to load."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from mlsys_lessons.claims.effects import Effect
from mlsys_lessons.errors import InputError
from mlsys_lessons.experiments.statistics import Interval, crossing
from mlsys_lessons.simulation.scenarios import ClaimSize


@dataclass(frozen=True)
class Earlier:
    """What a claim meant before its definition was changed, and how it was judged then.

    Why it matters: a definition that changes after a result was seen can make anything come true.
    Whoever reads the new verdict sees the old one beside it.
    """

    definition: str
    verdict: str
    date: str  # ISO


@dataclass(frozen=True)
class Result:
    """A claim's outcome with everything needed to judge it, and to store it."""

    claim: str
    sentence: str
    verdict: str
    effects: tuple[Effect, ...]
    table: pd.DataFrame
    by_rate: Mapping[float, tuple[float, str]]
    flips_at: float | None
    seeds: tuple[int, ...]
    size: ClaimSize
    date: str
    code_version: str
    fails_where: str
    p: float
    notes: tuple[str, ...] = ()
    earlier: tuple[Earlier, ...] = ()  # oldest first

    def __repr__(self) -> str:
        where = f"{len(self.seeds)} seeds of {self.size.days} days x {self.size.daily:,}"
        lines = [f"{self.claim}: {self.sentence}", f"  verdict  {self.verdict.upper()}  ({where})"]
        for effect in self.effects:
            level = f"against {effect.threshold:g}"
            lines.append(f"  {effect.name}: {effect.interval} {effect.unit}, {level}")
        rates = self.by_rate.items()
        settings = [f"{rate:g} x: {value:.4g}, {verdict}" for rate, (value, verdict) in rates]
        lines.append(f"  incidents  {'; '.join(settings)}; {self.flip}")
        lines += [f"  would fail  {self.fails_where}", *(f"  note  {note}" for note in self.notes)]
        lines += [f"  before {one.date}, {one.definition}: {one.verdict}" for one in self.earlier]
        lines.append(f"  run on {self.date}, engine {self.code_version}")
        return "\n".join(lines)

    @property
    def flip(self) -> str:
        """The incident rate at which the verdict changes sign, in words."""
        if self.flips_at is None:
            return f"no flip between {min(self.by_rate):g} and {max(self.by_rate):g} x"
        return f"flips at about {self.flips_at:.2g} x the ordinary year's incidents"

    def to_json(self) -> str:
        """The whole result as text, with a check sum; `from_json` reads it back."""
        plain = asdict(self)
        plain["table"] = json.loads(self.table.to_json(orient="split", double_precision=6))
        plain["by_rate"] = {str(rate): list(pair) for rate, pair in self.by_rate.items()}
        return json.dumps(plain | {"sha256": _check_sum(plain)}, indent=1, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Result:
        """A stored result; raises InputError for text that is none, or was changed since."""
        try:
            plain = json.loads(text)
            if plain.pop("sha256") != _check_sum(plain):
                raise ValueError("it is not as it was measured")
            plain["table"] = pd.DataFrame(**plain["table"])
            plain["effects"] = tuple(
                Effect(**{**effect, "interval": Interval(**effect["interval"])})
                for effect in plain["effects"]
            )
            plain["size"] = ClaimSize(**plain["size"])
            rates = plain["by_rate"].items()
            plain["by_rate"] = {float(rate): (value, verdict) for rate, (value, verdict) in rates}
            plain["seeds"], plain["notes"] = tuple(plain["seeds"]), tuple(plain["notes"])
            plain["earlier"] = tuple(Earlier(**one) for one in plain.get("earlier", ()))
            return cls(**plain)
        except (ValueError, KeyError, TypeError) as error:
            problem = f"{text[:40]!r}... is no stored result ({error}); run the claim again."
            raise InputError(problem) from error


def _check_sum(plain: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def flip(by_rate: Mapping[float, tuple[float, str]], threshold: float) -> float | None:
    """The incident rate at which an effect crosses its threshold, by straight lines."""
    return crossing({rate: value for rate, (value, _) in by_rate.items()}, threshold)
