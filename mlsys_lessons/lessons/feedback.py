"""What a check says: the verdict on an answer, and the sentences that a rule may use in it.

No answer is judged here. Rules do that (rules.py); a question asks its rule and makes a verdict of
what it hears (question.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from mlsys_lessons.lessons.wording import markdown_safe

Outcome = Literal["passed", "wrong", "not_attempted", "raised"]


@dataclass(frozen=True)
class Verdict:
    """What a check found, and one sentence about the learner's own value; true when passed.

    >>> Verdict("not_attempted", "lesson01.q1: replace the `...`")
    [not attempted] lesson01.q1: replace the `...`
    """

    outcome: Outcome
    message: str

    def __bool__(self) -> bool:
        return self.outcome == "passed"

    def __repr__(self) -> str:
        return f"[{self.outcome.replace('_', ' ')}] {self.message}"

    def _repr_markdown_(self) -> str:
        return f"**{self.outcome.replace('_', ' ')}** · {markdown_safe(self.message)}"


@dataclass(frozen=True)
class WrongAnswer:
    """An answer that tempts a competent reader, and the sentence that says what it misses."""

    answer: Any
    message: str


@dataclass(frozen=True)
class Feedback:
    """The sentences for a wrong answer: one for each mistake that tempts, one for any other.

    Why it matters: a mistake that is recognised is answered by its idea and not by a digit, and a
    rule needs no text of its own for that.
    """

    wrong_answers: Mapping[str, WrongAnswer]
    otherwise: str = ""

    def why(self, is_the_same: Callable[[Any], bool]) -> str:
        """The sentence of the first tempting answer that is the learner's, else the general one.

        >>> feedback = Feedback({"the mean": WrongAnswer(7, "Rare days pull it up.")}, "Count.")
        >>> feedback.why(lambda tempting: tempting == 7), feedback.why(lambda tempting: False)
        ('Rare days pull it up.', 'Count.')
        """
        mistakes = self.wrong_answers.values()
        return next((wrong.message for wrong in mistakes if is_the_same(wrong.answer)),
                    self.otherwise)  # fmt: skip

    def message(self, name: str) -> str:
        """The sentence of one tempting answer, by its name; the general one for any other name."""
        known = self.wrong_answers.get(name)
        return known.message if known else self.otherwise


# Takes an answer, fresh luck and the question's feedback; None, or a sentence when it is wrong.
Rule = Callable[[Any, np.random.Generator, Feedback], str | None]
