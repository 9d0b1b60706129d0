"""What a run's own scores say of the model, beside what is true; and where the two part.

The estimate reads scores and actions, as anybody can tonight. The truth reads the world's own
probability of each payment: expected performance, without the luck of who was a fraudster. Nothing
is drawn here.
"""

from __future__ import annotations

import pandas as pd
from scipy.special import expit

from mlsys_lessons.components.monitoring.performance import cbpe
from mlsys_lessons.lessons.wording import number
from mlsys_lessons.randomness import stream
from mlsys_lessons.simulation.run import Run

FLOOR = 1e-3  # the least day-to-day noise that a metric is believed to have


def auc_by_day(run: Run) -> pd.DataFrame:
    """Estimated and true AUC of each day, on payments that were scored for the first time.

    Why it matters: both are expected values of the same ranking. They differ in whose probability
    they believe, the model's or the world's.
    """
    log = run.log[~run.log["is_duplicate"] & run.log["score"].notna()]
    day = (log["arrival_time"] - run.log["arrival_time"].min().normalize()).dt.days.to_numpy()
    score = log["score"].to_numpy()
    true = run.truth().loc[log["request_id"], "true_probability"].to_numpy()
    return pd.DataFrame([
        {"estimated": cbpe(score[day == one]).auc,
         "true": cbpe(true[day == one], scores=score[day == one]).auc}
        for one in range(run.days)
    ])  # fmt: skip


def silent_share(auc: float, share: float) -> tuple[float, float]:
    """Estimated and true AUC when a share of all payments is answered with a score of 0.

    Those rows rank last and claim to hold no fraud: the estimate takes them for genuine payments
    found, one more reason to be proud. In truth they hold their share of the frauds.

    >>> [round(value, 3) for value in silent_share(0.87, 1 / 3)]
    [0.913, 0.664]
    """
    heard = 1 - share
    return heard * auc + share, heard**2 * auc + heard * share + share**2 / 2


def confused(noise: float, seed: int, rows: int = 100_000) -> tuple[float, float]:
    """Estimated and true AUC of a calibrated score whose log-odds are blurred by so much noise.

    Why it matters: noise spreads the scores, and spread is what confidence looks like.

    >>> estimated, true = confused(0.9, seed=7)
    >>> estimated > 0.87, true < 0.83
    (True, True)
    """
    luck = stream(seed, "confused")
    log_odds = luck.normal(-4.0, 1.6, rows)
    said = expit(log_odds + noise * luck.normal(0.0, 1.0, rows))
    return cbpe(said).auc, cbpe(expit(log_odds), scores=said).auc


def five_layers(run: Run, day: int, *, before: int) -> pd.DataFrame:
    """The metric of each layer that is furthest from its own habit on a day; who owns its rule.

    One row a layer, in the order in which a fault flows. `before` is the first day that is not
    taken for habit; noise is the metric's own, from day to day.
    """
    segment = run.metrics["segment"].replace("all", "")
    metrics = run.metrics.assign(name=(run.metrics["metric"] + "." + segment).str.rstrip("."))
    owners = {(rule.layer, rule.metric): rule.owner for rule in run.system.domain.alert_rules}
    rows = {}
    for layer, group in metrics.groupby("layer", observed=True):
        days = group.pivot(index="tick", columns="name", values="value")
        habit, now = days.loc[: before - 1], days.loc[day]
        far = ((now - habit.mean()) / habit.std().clip(lower=FLOOR)).dropna()
        name = far.abs().idxmax()
        rows[layer] = {
            "metric": name, "usual": number(float(f"{habit[name].mean():.3g}")),
            "now": number(float(f"{now[name]:.3g}")), "times its noise": round(far[name], 1),
            "owner": owners.get((layer, name.partition(".")[0]), "nobody"),
        }  # fmt: skip
    return pd.DataFrame(rows).T
