"""Lesson 00's bets and its one question: where a year's money goes, and who knows it when."""

from __future__ import annotations

from mlsys_lessons.lessons.lesson00 import answers
from mlsys_lessons.lessons.prediction import Prediction
from mlsys_lessons.lessons.question import Question
from mlsys_lessons.lessons.question_text import question_texts
from mlsys_lessons.lessons.rules import agrees_with

TEXTS = question_texts(__file__)

bet1 = Prediction(
    id="lesson00.bet1",
    question="Of 100 missing euros, how many go missing on red days?",
    unit="euros",
    of=100,
)
bet2 = Prediction(
    id="lesson00.bet2",
    question="How many days ago had the total that the books show tonight really been lost?",
    unit="days",
    least=0,
    most=365,
)
bet3 = Prediction(
    id="lesson00.bet3",
    question="Nothing breaks: of 100 missing euros, how many return?",
    unit="euros",
    of=100,
)

bet4 = Prediction(
    id="lesson00.bet4",
    question="How many days until anybody at the naive business notices the hanging job?",
    unit="days",
    least=0,
    most=365,
)

q1 = Question(
    id="lesson00.q1",
    text=TEXTS["q1"],
    answer=answers.days_behind,
    rule=agrees_with(answers.days_behind, answers.curve_cases),
    tempting={
        "money": answers.money_behind,
        "the books' own curve": answers.since_the_books_moved,
        "one day more": answers.one_day_more,
    },
)
