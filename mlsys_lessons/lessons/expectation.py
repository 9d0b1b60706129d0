"""What a lesson expects of its world, and what is said where another seed has it otherwise.

Whoever writes a lesson expects things of its world: this mistake costs most, that repair pays. On
the seed that is shipped they must come, or the lesson is to be written anew. On a learner's seed
one that does not come is news. Which of the two it is follows from one environment variable:
MLSYS_LESSONS_EXPECTATIONS is `raise` where lessons are built and tested (tools/build_notebooks,
tests/conftest), and is not set anywhere else. Nothing is measured here.
"""

from __future__ import annotations

import os
import re

from mlsys_lessons.lessons.wording import lines

ENVIRONMENT = "MLSYS_LESSONS_EXPECTATIONS"
STRICT = "raise"
MARK = "[another world]"
_SAID = re.compile(rf"^{re.escape(MARK)} (.+?\sNot\s+here:\s.+?\.)$", re.MULTILINE | re.DOTALL)


def expect(condition: object, usual: str, why: str) -> None:
    """Say in one sentence where this world is not what the lesson expects, and go on.

    Why it matters: the first thing that a learner changes is the seed. An `assert` would end the
    lesson there, and what differs from world to world is worth a sentence.

    Parameters
    ----------
    condition
        What should hold; anything with a truth value.
    usual
        What is usual, as a clause that says how usual: "in most worlds the old table earns less".
    why
        Why it can be otherwise, as a clause.

    Raises
    ------
    AssertionError
        The condition does not hold, where lessons are built and tested.

    Examples
    --------
    >>> import os
    >>> here = os.environ.pop(ENVIRONMENT, None)
    >>> expect(True, "in most worlds the old table earns less", "luck")
    >>> expect(False, "in most worlds the old table earns less", "a big fraud outweighs it")
    [another world] In most worlds the old table earns less. Not here: a big fraud outweighs it.
    >>> _ = os.environ.update({ENVIRONMENT: here} if here else {})
    """
    if bool(condition):
        return
    sentence = f"{usual[0].upper()}{usual[1:]}. Not here: {why}."
    if os.environ.get(ENVIRONMENT) == STRICT:
        raise AssertionError(f"expected on the seed that is shipped: {sentence}")
    print(lines(f"{MARK} {sentence}", indent="  "))


def missed(printed: str) -> list[str]:
    r"""The sentences of expectations that did not come, found in what a lesson has printed.

    >>> missed("lost: 3\n[another world] In most worlds it is 5. Not here:\n  luck.\nbooks: 4")
    ['In most worlds it is 5. Not here: luck.']
    """
    return [" ".join(sentence.split()) for sentence in _SAID.findall(printed)]
