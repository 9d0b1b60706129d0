"""Named randomness: a stream for each purpose and day, and order-free luck for each request.

Nothing here keeps state. There is no global generator anywhere in the package, so two runs that
differ in one decision still share every coin that the decision did not touch.
"""

from __future__ import annotations

from zlib import crc32

import numpy as np
from numpy.typing import NDArray

DAY_OFFSET = 8_192  # spawn keys must not be negative, and history days are
_ID_BITS = np.uint64(52)  # stays exact in JSON numbers
_ID_MASK = np.uint64((1 << 52) - 1)
_BELOW_ONE = 1.0 - 2.0**-53
_COUNT_BITS, _DAY_BITS = np.uint64(10), np.uint64(14)


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


def luck(seed: int, purpose: str, ids: NDArray[np.integer]) -> NDArray[np.float64]:
    """One uniform number in (0, 1) for each id: a pure function of seed, purpose and id.

    The order, the batch and the presence of other ids change nothing, which is what lets a
    twin run be compared with its original request by request.

    >>> pair = luck(7, "report", np.array([11, 12]))
    >>> bool(luck(7, "report", np.array([12]))[0] == pair[1])
    True
    """
    salt = crc32(purpose.encode())
    key = _mix(np.array([(int(seed) << 32 ^ salt) & (2**64 - 1)], dtype=np.uint64))
    words = _mix(_mix(np.asarray(ids, dtype=np.int64).astype(np.uint64) ^ key) + key)
    uniform = ((words >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
    return np.minimum(uniform, _BELOW_ONE)


def normal_luck(seed: int, purpose: str, ids: NDArray[np.integer]) -> NDArray[np.float64]:
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

    The map is one to one on 52 bits (xor-shift and multiplication by odd constants are both
    invertible), so ids never collide and twins agree on them.

    >>> ids = opaque_id(np.array([1, 1, 2]), 5, np.array([0, 1, 0]))
    >>> len(set(ids.tolist()))
    3
    """
    packed = np.asarray(entity, dtype=np.uint64) << _DAY_BITS
    packed = packed | (np.asarray(day, dtype=np.int64) + DAY_OFFSET).astype(np.uint64)
    packed = packed << _COUNT_BITS | np.asarray(count, dtype=np.uint64)
    for odd in (0x9E3779B97F4A7, 0xC2B2AE3D27D4F):
        packed = packed ^ (packed >> (_ID_BITS >> np.uint64(1)))
        packed = (packed * np.uint64(odd)) & _ID_MASK
    return (packed ^ (packed >> (_ID_BITS >> np.uint64(1)))).astype(np.int64)
