"""Click models in closed form: what a place, trust and what stands above do to a click.

Three published models, each a pure function of attractions (or relevances) in the order of a page:
rows are pages, the last axis is the place, 0 at the top. No coin is thrown here, and no system
reads this: what can be estimated from a log stands in components/feedback/position_bias.py.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlsys_lessons.errors import InputError
from mlsys_lessons.worlds.recommender.knobs import EXAMINATION

Floats = NDArray[np.float64]


class Trust(NamedTuple):
    """Chances that a document which is looked at seems relevant, by place: if it is, if it is not.

    >>> Trust.usual(3).when_irrelevant.round(3).tolist()
    [0.65, 0.325, 0.217]
    """

    when_relevant: Floats  # e+ of each place
    when_irrelevant: Floats  # e- of each place

    @classmethod
    def none(cls, places: int = len(EXAMINATION)) -> Trust:
        """People see what is there: a click is attraction and examination alone."""
        return cls(np.ones(places), np.zeros(places))

    @classmethod
    def usual(cls, places: int = len(EXAMINATION), *, strength: float = 1.0) -> Trust:
        """At full strength e+ falls by .01 a place from .98 and e- is .65 over the place, from 1.

        `strength` mixes it with `none`: 0 is no trust. The form is that of Vardasbi, Oosterhuis
        and de Rijke, When inverse propensity scoring does not work, 2020; its values are assumed.
        """
        place = np.arange(1, places + 1)
        more, less = 0.99 - place / 100, 0.65 / place
        return cls(1 - strength * (1 - more), strength * less)


def position_based(attraction: ArrayLike, examination: ArrayLike = EXAMINATION) -> Floats:
    """P(click) of each place: whether it is looked at x whether what stands there attracts.

    Why it matters: with equal documents the first place is clicked 11.3 times as often as the
    tenth, so a ranker that counts clicks learns the order that it has shown.

    attraction
        Chances in 0..1, places on the last axis.
    examination
        Chance that each place is looked at, in 0..1.

    Errors: InputError for chances outside 0..1 or another number of places.

    >>> equal = position_based(np.full(10, 0.5))
    >>> round(float(equal[0] / equal[9]), 1)
    11.3

    Source: Craswell and others, An experimental comparison of click position-bias models, 2008;
    the curve is that of Joachims, Swaminathan and Schnabel, 2017.
    """
    attracted = _chances("attraction", attraction)
    return attracted * _by_place("examination", examination, attracted)


def cascade(attraction: ArrayLike) -> Floats:
    """P(click) of each place where people read down the page and stop at their first click.

    Why it matters: a good document above takes the clicks of those below it, so their rate of
    clicks is a matter of their neighbours.

    Parameters and errors as in `position_based`.

    >>> cascade([0.5, 0.5, 0.5]).tolist()
    [0.5, 0.25, 0.125]

    Source: Craswell and others, 2008.
    """
    attracted = _chances("attraction", attraction)
    return attracted * cascade_examination(attracted)


def cascade_examination(attraction: ArrayLike) -> Floats:
    """P(a place is read) where people stop at their first click: nothing above has attracted.

    >>> cascade_examination([0.5, 1.0, 0.5]).tolist()
    [1.0, 0.5, 0.0]
    """
    attracted = _chances("attraction", attraction)
    passed = np.cumprod(1 - attracted, axis=-1)
    return np.concatenate([np.ones_like(passed[..., :1]), passed[..., :-1]], axis=-1)


def trust_biased(
    relevance: ArrayLike, trust: Trust, examination: ArrayLike = EXAMINATION
) -> Floats:
    """P(click) of each place where people take a place near the top for a sign of relevance.

    P(click) = examination x (e+ x relevance + e- x (1 - relevance)): a line in relevance that does
    not pass through 0, so weights of 1 / examination no longer undo it.

    relevance
        Chances in 0..1 that a document is relevant, places on the last axis.

    >>> trust_biased([0.0, 1.0], Trust.none(2), [1.0, 1.0]).tolist()
    [0.0, 1.0]
    >>> trust_biased([0.0, 1.0], Trust.usual(2), [1.0, 1.0]).tolist()
    [0.65, 0.97]

    Source: Agarwal and others, Addressing trust bias for unbiased learning-to-rank, 2019.
    """
    relevant = _chances("relevance", relevance)
    seems = trust.when_relevant * relevant + trust.when_irrelevant * (1 - relevant)
    return position_based(seems, examination)


def _chances(what: str, values: ArrayLike) -> Floats:
    chances = np.asarray(values, dtype=np.float64)
    if chances.ndim == 0 or not ((chances >= 0) & (chances <= 1)).all():
        raise InputError(f"{what} holds chances outside 0..1; pass one for each place of a page.")
    return chances


def _by_place(what: str, values: ArrayLike, pages: Floats) -> Floats:
    chances = _chances(what, values)
    if chances.shape != pages.shape[-1:]:
        rule = f"and a page has {pages.shape[-1]} places"
        raise InputError(f"{what} has {chances.size} chances {rule}; pass one for each place.")
    return chances
