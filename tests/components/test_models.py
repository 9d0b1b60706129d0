"""Models against scikit-learn's own pipeline, plain loops, and themselves in other company."""

from __future__ import annotations

import copy

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from strategies import batch_sizes, cut, features, training
from threadpoolctl import threadpool_limits

from mlsys_lessons.components.component import Model
from mlsys_lessons.components.inference import models
from mlsys_lessons.components.inference.models import (
    BaseRate,
    BoostedModel,
    ClairvoyantModel,
    LogisticModel,
    PerfectModel,
    RuleModel,
    matrix,
)
from mlsys_lessons.errors import InputError, NotFittedError
from mlsys_lessons.worlds.payments.domain import FEATURES, QUESTIONS

FRAME, LABELS = training(4_000)
FITTED: dict[str, Model] = {
    model.name: model.fit(FRAME, LABELS)
    for model in (BaseRate(), RuleModel(), LogisticModel(), BoostedModel())
}


def holed(frame: pd.DataFrame, *, share: float = 0.1) -> pd.DataFrame:
    """The frame with missing values everywhere."""
    draw = np.random.default_rng(5)
    return frame.mask(draw.random(frame.shape) < share)


@pytest.mark.parametrize("name", list(FITTED))
@settings(max_examples=5, deadline=None)
@given(sizes=batch_sizes(), turn=st.integers(0, 99))
def test_a_score_does_not_depend_on_its_company(name: str, sizes: list[int], turn: int) -> None:
    """Bit for bit: any cut, any order."""
    frame, model = holed(features(80, seed=9)), FITTED[name]
    whole = model.predict(frame)
    order = np.random.default_rng(turn).permutation(len(frame))
    pieces = np.concatenate([model.predict(each) for each in cut(frame.iloc[order], sizes)])
    assert pieces.tobytes() == whole[order].tobytes()


@pytest.mark.parametrize("name", list(FITTED))
def test_scores_are_probabilities_and_the_frame_stays_as_it_is(name: str) -> None:
    frame = holed(features(300, seed=4))
    before = frame.copy()
    scores = FITTED[name].predict(frame)
    assert scores.shape == (300,)
    assert scores.dtype == np.float64
    assert ((scores >= 0) & (scores <= 1)).all()
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize("name", list(FITTED))
def test_all_inputs_missing_still_gives_a_probability(name: str) -> None:
    nothing = pd.DataFrame(np.nan, index=range(3), columns=list(FEATURES))
    scores = FITTED[name].predict(nothing)
    assert ((scores > 0) & (scores < 1)).all()


@pytest.mark.parametrize("name", list(FITTED))
def test_no_rows_no_scores(name: str) -> None:
    assert FITTED[name].predict(FRAME.iloc[:0]).shape == (0,)


@pytest.mark.parametrize("model", [BaseRate(), RuleModel(), LogisticModel(), BoostedModel()])
def test_an_unfitted_model_says_what_to_do(model: Model) -> None:
    with pytest.raises(NotFittedError, match=r"has learned nothing yet; call fit\(frame, labels\)"):
        model.predict(FRAME)


@pytest.mark.parametrize("kind", [RuleModel, LogisticModel, BoostedModel])
@pytest.mark.parametrize("labels", [np.zeros(50), np.ones(50)])
def test_labels_of_one_kind_teach_nothing_or_are_refused_in_one_line(
    kind: type, labels: np.ndarray
) -> None:
    try:
        scores = kind().fit(FRAME.iloc[:50], labels).predict(FRAME)
    except InputError as error:
        assert len(str(error).splitlines()) == 1
    else:
        assert np.isfinite(scores).all()


def test_learning_prefers_the_fraud() -> None:
    frame, labels = training(4_000, seed=1)
    for name in ("rule", "logistic", "boosted"):
        scores = FITTED[name].predict(frame)
        assert scores[labels == 1].mean() > 1.2 * scores[labels == 0].mean()


@pytest.mark.parametrize("name", ["base rate", "logistic", "boosted"])
def test_the_mean_score_is_the_fraud_rate_it_was_taught(name: str) -> None:
    assert FITTED[name].predict(FRAME).mean() == pytest.approx(LABELS.mean(), rel=0.02)


# --- base rate and rule -------------------------------------------------------------------------


def test_the_base_rate_is_the_weighted_mean() -> None:
    weights = np.random.default_rng(0).uniform(1, 50, len(LABELS))
    model = BaseRate().fit(FRAME, LABELS, weights)
    assert model.predict(FRAME)[0] == pytest.approx((weights * LABELS).sum() / weights.sum())


def test_the_rule_is_a_table_that_a_loop_can_make() -> None:
    frame, weights = holed(FRAME), np.random.default_rng(0).uniform(1, 50, len(LABELS))
    model = RuleModel().fit(frame, LABELS, weights)
    overall = (weights * LABELS).sum() / weights.sum()
    found, rows = [0.0] * 6, [0.0] * 6
    points = []
    for (_, row), label, weight in zip(frame.iterrows(), LABELS, weights, strict=True):
        points.append(sum(row[name] > limit for name, limit in QUESTIONS))
        found[points[-1]] += weight * label
        rows[points[-1]] += weight
    rates = [(f + 50 * overall) / (n + 50) for f, n in zip(found, rows, strict=True)]
    table = [max(rates[: k + 1]) for k in range(6)]
    assert model.predict(frame).tolist() == pytest.approx([table[k] for k in points], rel=1e-12)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 1_000), labels=st.lists(st.booleans(), min_size=40, max_size=40))
@pytest.mark.parametrize("question", [name for name, _ in QUESTIONS])
def test_one_more_yes_never_lowers_the_rules_score(
    question: str, seed: int, labels: list[bool]
) -> None:
    frame = features(40, seed=seed)
    model = RuleModel().fit(frame, np.array(labels, dtype=np.float64))
    more = frame.assign(**{question: 1e9})
    assert (model.predict(more) >= model.predict(frame)).all()


# --- logistic -----------------------------------------------------------------------------------


def unskewed(frame: pd.DataFrame) -> pd.DataFrame:
    """The logistic model's view of its inputs, written once more by hand."""
    frame = frame.copy()
    for name in ("account_age_days", "count_1h", "count_24h", "count_7d", "recency_hours"):
        frame[name] = np.log(1 + frame[name].clip(lower=0))
    for name in ("merchant_risk", "country_risk", "category_risk"):
        frame[name] = np.log(frame[name].clip(lower=1e-6))
    return frame


@pytest.mark.parametrize("weighted", [False, True])
def test_logistic_agrees_with_scikit_learns_pipeline(weighted: bool) -> None:
    train, test = holed(FRAME, share=0.03), holed(features(500, seed=3))
    weights = np.random.default_rng(0).uniform(1, 3, len(LABELS)) if weighted else None
    pipeline = make_pipeline(
        FunctionTransformer(unskewed),
        StandardScaler(),
        SimpleImputer(strategy="constant", fill_value=0.0),
        LogisticRegression(C=0.7, max_iter=500),
    )
    with threadpool_limits(1):
        pipeline.fit(train, LABELS, logisticregression__sample_weight=weights)
    model = LogisticModel(strength=0.7).fit(train, LABELS, weights)
    theirs = pipeline.predict_proba(test)[:, 1]
    assert np.abs(model.predict(test) - theirs).max() < 1e-9


def test_logistic_fits_twice_to_the_same_bytes_under_any_thread_count() -> None:
    fits = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            fits.append(LogisticModel().fit(FRAME, LABELS).predict(FRAME).tobytes())
    assert fits[0] == fits[1]


def test_a_constant_input_is_harmless() -> None:
    frame = FRAME.assign(is_foreign=0.0)
    assert np.isfinite(LogisticModel().fit(frame, LABELS).predict(frame)).all()


def test_absurd_inputs_stay_probabilities() -> None:
    """Amounts in cents, risks of zero, negative ages: a score all the same."""
    frame = features(4).assign(log_amount=[100.0, -100.0, 0, 0], merchant_risk=0.0)
    scores = FITTED["logistic"].predict(frame.assign(account_age_days=-5.0))
    assert ((scores >= 0) & (scores <= 1)).all()


# --- boosted ------------------------------------------------------------------------------------


def test_boosted_fits_twice_to_the_same_bytes_under_any_thread_count() -> None:
    scores = []
    for threads in (1, 2):
        models._GROWN.clear()  # or the second would be the first
        with threadpool_limits(threads):
            scores.append(BoostedModel().fit(FRAME, LABELS).predict(FRAME).tobytes())
    with threadpool_limits(1):
        scores.append(FITTED["boosted"].predict(FRAME).tobytes())
    assert len(set(scores)) == 1


def test_what_has_grown_before_is_taken_again_and_belongs_to_its_taker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One fit for equal content; another for other rows, labels, weights or settings."""
    fits, grow = [], HistGradientBoostingClassifier.fit
    monkeypatch.setattr(models, "_GROWN", {})
    monkeypatch.setattr(
        HistGradientBoostingClassifier, "fit",
        lambda self, *facts, **more: fits.append(1) or grow(self, *facts, **more),
    )  # fmt: skip
    rows, labels = FRAME[:600], LABELS[:600]
    first = BoostedModel(trees=3).fit(rows, labels)
    wanted = first.predict(rows)
    first.estimator_._baseline_prediction += 9.0  # its own, whatever is done to it
    assert np.array_equal(BoostedModel(trees=3).fit(rows.copy(), labels).predict(rows), wanted)
    assert len(fits) == 1
    BoostedModel(trees=4).fit(rows, labels)
    BoostedModel(trees=3).fit(rows, 1 - labels)
    BoostedModel(trees=3).fit(rows, labels, np.ones(600))
    BoostedModel(trees=3).fit(rows[::-1], labels)
    assert len(fits) == 5
    for trees in range(1, 40):
        models._GROWN[bytes([trees])] = None
    BoostedModel(trees=5).fit(rows, labels)
    assert len(models._GROWN) == models._MOST_GROWN


def test_boosted_is_the_size_that_the_benchmark_names() -> None:
    model = BoostedModel()
    assert (model.trees, model.leaves) == (60, 15)
    fitted = FITTED["boosted"].estimator_  # type: ignore[attr-defined]
    assert fitted.n_iter_ == 60
    assert not fitted.do_early_stopping_


def test_matrix_is_the_inputs_in_their_agreed_order() -> None:
    shuffled = FRAME[list(FEATURES)[::-1]].assign(other="x")
    assert np.array_equal(matrix(shuffled, FEATURES), FRAME[list(FEATURES)].to_numpy())


# --- the references -----------------------------------------------------------------------------


def truth(ids: list[int]) -> pd.DataFrame:
    label = np.array([each % 2 for each in ids], dtype=np.int8)
    columns = {"true_label": label, "true_probability": np.array(ids) / 100}
    return pd.DataFrame(columns, index=pd.Index(ids, name="request_id"))


def test_references_know_what_they_were_shown() -> None:
    perfect, clairvoyant = PerfectModel(), ClairvoyantModel()
    frame = pd.DataFrame({"request_id": [7, 3, 7, 5]})
    for model in (perfect, clairvoyant):
        model.reveal(truth([7, 5, 3]))
    assert perfect.fit(frame, np.zeros(4)).predict(frame).tolist() == [0.07, 0.03, 0.07, 0.05]
    assert clairvoyant.predict(frame).tolist() == [1.0, 1.0, 1.0, 1.0]
    assert copy.deepcopy(perfect).predict(frame).tolist() == [0.07, 0.03, 0.07, 0.05]


def test_references_refuse_to_guess() -> None:
    with pytest.raises(NotFittedError, match="has not been shown request"):
        PerfectModel().predict(pd.DataFrame({"request_id": [1]}))
    model = PerfectModel()
    model.reveal(truth([7, 5, 3]))
    with pytest.raises(NotFittedError, match="4"):
        model.predict(pd.DataFrame({"request_id": [3, 4]}))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", [LogisticModel, BoostedModel])
def test_a_feature_that_was_never_there_is_learned_without(kind: type[LogisticModel]) -> None:
    """A distrusted field may be missing for a whole training window, and come back later."""
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(rng.random((400, len(FEATURES))), columns=list(FEATURES))
    label = (frame["merchant_risk"] > 0.5).to_numpy(dtype=float)
    gone = frame.assign(log_amount=np.nan)
    model = kind().fit(gone, label)
    assert np.isfinite(model.predict(frame)).all()
    np.testing.assert_array_equal(model.predict(gone), model.predict(gone.assign(log_amount=0.0)))
