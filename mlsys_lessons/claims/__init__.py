"""Each sentence of the talk as an experiment over paired seeds.

    from mlsys_lessons import claims
    claims.stored("C2")              # the committed result, with its date and size
    claims.run("C2", seeds=20)       # measure it again; runs are cached and shared between claims

All committed results again, in one command (hours on one core, so `--jobs 2` helps):

    python -m mlsys_lessons.claims C1 C2 C3 C4 --seeds 20 --store

    cN_words.py        a claim: its sentence, threshold, arms, effects and table; found by its name
    claim.py effects.py result.py    how every claim is judged, and what is kept of it
    laboratory.py      runs a claim, reads the stored results
    runs.py code_version.py code_shapes.py    each run is made once, for as long as its code stays

A claim that fails in our world is reported as failed. No parameter was chosen for a claim: worlds,
systems and costs are the defaults of the whole course, thresholds stand in claim.py or in each
claim's module, and a definition that was changed later stands beside the new one.
"""

from __future__ import annotations

from mlsys_lessons.claims.claim import Claim
from mlsys_lessons.claims.effects import Effect
from mlsys_lessons.claims.laboratory import CLAIMS, family, run, stored
from mlsys_lessons.claims.result import Result

__all__ = ["CLAIMS", "Claim", "Effect", "Result", "family", "run", "stored"]
