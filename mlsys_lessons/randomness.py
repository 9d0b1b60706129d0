"""Named randomness: a stream for each purpose and day, and order-free luck for each request.

Nothing here keeps state. There is no global generator anywhere in the package, so two runs that
differ in one decision still share every coin that the decision did not touch. Names of streams and
purposes are part of the luck: whoever renames one deals all its coins anew.
"""

from __future__ import annotations

from functools import lru_cache
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from mlsys_lessons.ids import BitFields

DAY_BITS, DAY_OFFSET = 14, 8_192  # packed days must not be negative, and history days are
REQUEST_ID = BitFields("entity", day=DAY_BITS, count=10)  # 52 bits with an entity below 2^28
_ID_BITS = 52  # a whole number of 52 bits stays exact in JSON
_ID_MASK = np.uint64((1 << _ID_BITS) - 1)
_BELOW_ONE = 1.0 - 2.0**-53

Floats = NDArray[np.float64]


def stream(seed: int, name: str, day: int = 0) -> np.random.Generator:
    """A fresh generator for one named purpose on one day.

    Why it matters: drawing from one shared generator re-deals everybody's luck when a single
    row is added; a named stream leaves the others untouched.

    >>> a, b = stream(7, "traffic", 3), stream(7, "traffic", 3)
    >>> bool(a.random() == b.random())
    True
    >>> bool(stream(7, "traffic", 4).random() == stream(7, "reports", 4).random())
    False
    """
    key = (crc32(name.encode()), day + DAY_OFFSET)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def _mix(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scramble 64-bit words (the finalizer of SplitMix64; Steele, Lea and Flood, 2014)."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


@lru_cache(maxsize=1_024)
def _key(seed: int, purpose: str) -> NDArray[np.uint64]:
    """One scrambled word for a seed, in the high half, and a purpose, in the low one."""
    low, high = (int(seed) << 32 ^ crc32(purpose.encode())) & (2**64 - 1), int(seed) >> 32
    key = _mix(np.array([low], dtype=np.uint64))
    return _mix(key ^ np.uint64(high % 2**64)) if high > 0 else key  # most seeds are small


def _uniform(words: NDArray[np.uint64]) -> Floats:
    """Numbers in (0, 1) from the high 53 bits of each word, which is what a float can hold."""
    uniform = ((words >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
    return np.minimum(uniform, _BELOW_ONE)


def luck(seed: int, purpose: str, ids: NDArray[np.integer]) -> Floats:
    """One uniform number in (0, 1) for each id: a pure function of seed, purpose and id.

    The order, the batch and the presence of other ids change nothing, which is what lets a
    twin run be compared with its original request by request.

    >>> pair = luck(7, "report", np.array([11, 12]))
    >>> bool(luck(7, "report", np.array([12]))[0] == pair[1])
    True
    """
    key = _key(seed, purpose)
    words = _mix(_mix(np.asarray(ids, dtype=np.int64).astype(np.uint64) ^ key) + key)
    return _uniform(words)


def normal_luck(seed: int, purpose: str, ids: NDArray[np.integer]) -> Floats:
    """One standard normal number for each id; order-free like `luck`.

    >>> float(abs(normal_luck(0, "delay", np.arange(20_000)).mean()).round(1))
    0.0
    """
    from scipy.special import ndtri  # late: a third of what importing the package cost

    return np.asarray(ndtri(luck(seed, purpose, ids)), dtype=np.float64)


def opaque_id(
    entity: NDArray[np.integer], day: NDArray[np.integer] | int, count: NDArray[np.integer]
) -> NDArray[np.int64]:
    """A request id derived from (entity, day, count) that shows none of them.

    The three are packed into 52 bits (`REQUEST_ID`: entity 28, day 14, count 10) and scrambled by
    a map that is one to one, so ids never collide and twins agree on them.

    >>> ids = opaque_id(np.array([1, 1, 2]), 5, np.array([0, 1, 0]))
    >>> len(set(ids.tolist()))
    3
    """
    packed = REQUEST_ID.pack(
        entity=np.asarray(entity, dtype=np.int64),
        day=np.asarray(day, dtype=np.int64) + DAY_OFFSET,
        count=np.asarray(count, dtype=np.int64),
    )
    return _scrambled(packed.astype(np.uint64)).astype(np.int64)


def _scrambled(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Another word of 52 bits for each: xor-shift and odd factors, all of them invertible."""
    half = np.uint64(_ID_BITS // 2)
    for odd in (0x9E3779B97F4A7, 0xC2B2AE3D27D4F):
        words = words ^ (words >> half)
        words = (words * np.uint64(odd)) & _ID_MASK
    return words ^ (words >> half)
