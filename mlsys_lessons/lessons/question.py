"""A question: its texts, our answer, its rule and its tempting wrong answers, put together.

A question is frozen data and takes the answer as an argument: no registration, no globals of the
notebook, no points. `check` always gives a verdict and never raises. The texts come from a page of
Markdown (question_text.py); rules.py shows what a rule looks like.
"""

from __future__ import annotations

import re
import time
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

from mlsys_lessons.errors import InputError
from mlsys_lessons.lessons import progress
from mlsys_lessons.lessons.answer_code import defined_name, source_of, stub_of
from mlsys_lessons.lessons.dress import undressed
from mlsys_lessons.lessons.feedback import Feedback, Rule, Verdict, WrongAnswer
from mlsys_lessons.lessons.guard import (
    Guarded,
    NotAttempted,
    guarded,
    is_untouched,
    open_line,
    own_line,
)
from mlsys_lessons.lessons.limits import LONGEST_S, TooLong, at_most
from mlsys_lessons.lessons.question_text import RUNGS, QuestionText
from mlsys_lessons.lessons.wording import Passage, describe
from mlsys_lessons.randomness import stream

SEEDS = (1, 2, 3)  # fresh data three times over, so that a constant cannot pass
_QUICK_S = 0.2  # seconds
_ID = re.compile(r"lesson\d\d\.(q\d+)")


@dataclass(frozen=True, kw_only=True, eq=False)
class Question:
    """One exercise of a lesson: what is asked, how it is judged, how it is explained.

    Why it matters: everything a learner may see is data that a test can walk through, so a
    printed solution cannot drift from what the check accepts.

    Parameters
    ----------
    id
        `lesson01.q1`; the notebook's name for the question is the part after the dot.
    text
        Prompt, starter, hints, explanation, and a sentence for each tempting answer.
    answer
        The solution: a real function or class of the package, or a value.
    rule
        Takes an answer, a fresh generator and the question's feedback; returns None, or a sentence
        that names the learner's value and the idea missed.
    tempting
        At least two wrong answers, by the names that they have in the text.
    seeds
        How often the rule is asked; `(1,)` for a value or a long simulation.

    Raises
    ------
    InputError
        The id is malformed, the starter defines no name, or a tempting answer and its sentence do
        not come together.
    """

    id: str
    text: QuestionText
    answer: Any
    rule: Rule
    tempting: Mapping[str, Any]
    seeds: Iterable[int] = SEEDS
    _shown: list[int] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise InputError(f"question id {self.id!r} must look like 'lesson01.q1'; rename it")
        for name in self.tempting:
            if name not in self.text.wrong:
                raise InputError(f"{self.id}: '## wrong: {name}' is missing; write it.")
        for name in self.text.wrong:
            if name not in self.tempting:
                raise InputError(f"{self.id}: '## wrong: {name}' belongs to no answer; remove it.")
        _ = self.name  # a starter that defines nothing is found here, not in front of a learner

    def __repr__(self) -> str:
        return f"{self.id}: {self.text.prompt}"

    def _repr_markdown_(self) -> str:
        return f"**{self.id}** · {self.text.prompt}"

    # --- the learner's verbs -------------------------------------------------------------------

    def check(self, answer: Any) -> Verdict:
        """The verdict on an answer, remembered in the progress file; never raises."""
        verdict = self.judge(answer, self.seeds)
        if verdict.outcome == "not_attempted":
            return verdict
        note = progress.remember("questions", self.id, verdict.outcome).note
        return Verdict(verdict.outcome, f"{verdict.message} {note}".strip())

    def hint(self, rung: int | None = None) -> Passage:
        """The next hint, or a given one; the last one stays."""
        if rung is None:
            rung = min(len(self._shown) + 1, len(self.text.hints))
            self._shown.append(rung)
        if rung not in range(1, len(self.text.hints) + 1):
            raise InputError(f"hint {rung!r} does not exist: ask for 1, 2 or 3, or for hint()")
        last = rung == len(self.text.hints)
        after = f"\nThis was the last hint; `{self.variable}.solution()` shows ours." * last
        return Passage(f"Hint {rung} of 3, {RUNGS[rung - 1]}: {self.text.hints[rung - 1]}{after}")

    def solution(self) -> Passage:
        """Our answer as code, why it is right, and why the tempting ones fail."""
        tempting = [f"- {name}: {wrong.message}" for name, wrong in self.wrong_answers.items()]
        why = "\n".join([self.text.explanation, "", "Tempting, and wrong:", *tempting])
        plain = f"{self.solution_code}\n\n{why}"
        return Passage(plain, f"```python\n{self.solution_code}\n```\n\n{why}")

    # --- for notebooks and tests ---------------------------------------------------------------

    @property
    def variable(self) -> str:
        """The question's name in its notebook, such as `q1`."""
        return self.id.partition(".")[2]

    @cached_property
    def wrong_answers(self) -> Mapping[str, WrongAnswer]:
        """The tempting answers with their sentences, by name."""
        return MappingProxyType({
            name: WrongAnswer(answer, self.text.wrong[name])
            for name, answer in self.tempting.items()
        })  # fmt: skip

    @cached_property
    def name(self) -> str:
        """The one name that the starter defines and that is checked."""
        return defined_name(self.text.starter, self.id)

    @property
    def cell(self) -> str:
        """The notebook's exercise cell as shipped: the starter and the line that checks it."""
        return f"{self.text.starter}\n\n{self.variable}.check({self.name})"

    @property
    def solution_code(self) -> str:
        """The same cell solved: the source of our answer and the line that checks it."""
        return f"{source_of(self.answer, self.name)}\n\n{self.variable}.check({self.name})"

    def judge(self, answer: Any, seeds: Iterable[int] = SEEDS) -> Verdict:
        """The verdict on an answer over given seeds; nothing is remembered."""
        seeds = tuple(seeds)
        began = time.process_time()  # of the clock on the wall, others take their part
        verdict = self._tried(answer, seeds)
        quick = time.process_time() - began < _QUICK_S  # no second simulation for a form's sake
        if quick and self._is_unexplained(verdict):
            try:
                dressed = self._in_another_dress(answer, seeds)
            except Exception:  # what an answer does in another dress is no news
                return verdict
            return verdict if dressed is None else dressed
        return verdict

    def _is_unexplained(self, verdict: Verdict) -> bool:
        """Whether a verdict names neither a mistake that tempts nor a line of the learner's."""
        if verdict.outcome == "raised":
            return "your line" not in verdict.message
        known = [wrong.message for wrong in self.wrong_answers.values()]
        return verdict.outcome == "wrong" and not any(text in verdict.message for text in known)

    def _tried(self, answer: Any, seeds: Iterable[int]) -> Verdict:
        """The verdict on an answer as it is."""
        tried: Any = None
        try:
            if is_untouched(answer, stub_of(self.text.starter, self.name)):
                return self._open("replace the `...` and run the cell again")
            if line := open_line(answer):
                return self._open(f"your line `{line}` is still open")
            if callable(self.answer) and not callable(answer):
                what = f"`{self.name}` is {describe(answer)}; write it as a function."
                return Verdict("wrong", f"{self.id}: {what}")
            tried = guarded(answer)
            with at_most(LONGEST_S):
                sentence = self._first_fault(tried, seeds)
        except (NotAttempted, NotImplementedError) as gap:
            return self._open(str(gap) or "it is still to be written")
        except TooLong:
            what = f"stopped after {LONGEST_S:g} seconds: does a loop in it ever end?"
            return Verdict("raised", f"{self.id}: {what}")
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # even sys.exit() in an answer must not end the lesson
            if (returned := getattr(tried, "returned", None)) is not None and not own_line(error):
                what = f"yours returns {describe(returned)}, and the prompt asks for something else"
                return Verdict("wrong", f"{self.id}: {what}. {self.text.otherwise}".strip())
            return Verdict("raised", f"{self.id}: {_error_sentence(error)}")
        if sentence is not None:
            return Verdict("wrong", f"{self.id}: {sentence}")
        return Verdict("passed", f"{self.id}: right. `{self.variable}.solution()` shows ours.")

    def _in_another_dress(self, answer: Any, seeds: Iterable[int]) -> Verdict | None:
        """Passed, for the same values in a form as good; or the words for the form, if that is all.

        It takes what the answer gives in every case: a form that fits one case only is none.
        """
        for words, other in undressed(guarded(answer)):
            verdict = self._tried(other, seeds)
            if verdict.outcome != "passed":
                continue
            if not words:
                return verdict
            return Verdict("wrong", f"{self.id}: the values are right, but {words}.")
        return None

    def _first_fault(self, answer: Any, seeds: Iterable[int]) -> str | None:
        feedback = Feedback(self.wrong_answers, self.text.otherwise)
        for seed in seeds:
            sentence = self.rule(answer, stream(seed, self.id), feedback)
            if isinstance(answer, Guarded) and answer.fault:
                return answer.fault
            if sentence is not None:
                return sentence
        return None

    def _open(self, what: str) -> Verdict:
        message = f"{self.id}: {what.rstrip('.')}; `{self.variable}.hint()` helps."
        return Verdict("not_attempted", message)


def _error_sentence(error: BaseException) -> str:
    try:
        what = traceback.format_exception_only(type(error), error)[-1].strip()
    except Exception:  # an error that cannot even be said
        what = type(error).__name__
    where = own_line(error)
    return f"{what} (in {where})" if where else f"{what} (raised while your answer was tried)"
