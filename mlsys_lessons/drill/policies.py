"""Reference policies: observation -> one command, from doing nothing to knowing everything.

Each sees what a learner sees, but for the omniscient one, which is told the scenario beforehand and
starts at the page all the same.
"""

from __future__ import annotations

from collections.abc import Callable

from mlsys_lessons.components.response.runbook import OF_LESSONS
from mlsys_lessons.drill.observation import Observation, Ringing, command_of
from mlsys_lessons.drill.scenario import DrillScenario

Policy = Callable[[Observation], str]
FIRST_LOOKS = ("versions", "decisions")
RETRAINED_DAYS = 120
PATIENCE = 3  # days until a line is tried again
# Lines of the learner's runbook, from the lessons: what the domain's own rules say no line about.
FROM_LESSONS = {metric: (command_of(line),) for metric, (line, _) in OF_LESSONS.items()}


def do_nothing(observation: Observation) -> str:
    """Look on until it is over."""
    return "advance"


def always_roll_back(observation: Observation) -> str:
    """Deploy the version before, first thing."""
    return _once(observation, "roll_back")


def always_retrain(observation: Observation) -> str:
    """Fit the model anew, first thing."""
    return _once(observation, f"retrain {RETRAINED_DAYS}")


def threshold_alarm(observation: Observation) -> str:
    """Whatever rings: take the model out of service; put it back when nothing rings."""
    if observation.alerts:
        return _once(observation, "fall_back")
    if "fall_back" in observation.in_force and "undo fall_back" not in observation.asked:
        return "undo fall_back"
    return "advance"


def runbook_follower(observation: Observation) -> str:
    """The runbook's lines of what rings, those that name something before those of scores alone.

    Where nothing that rings names anything, it looks at two things on the first day. What has come
    back to rest is taken back: servers cost money every day.
    """
    looked = {seen.asked for seen in observation.evidence}
    if observation.day == 0 and not any(map(_names_something, observation.alerts)):
        for kind in FIRST_LOOKS:
            if kind not in looked:
                return f"inspect {kind}"
    for command in [*_lines(observation), *_ways_back(observation)]:
        if command not in observation.asked and not _is_tried(observation, command):
            return command
    return "advance"


def omniscient(scenario: DrillScenario) -> Policy:
    """Whoever knows the scenario: its remedies at the page."""

    def policy(observation: Observation) -> str:
        for item in scenario.remedies:
            command = command_of(item)
            if command not in _ever(observation):
                return command
        return "advance"

    return policy


POLICIES: dict[str, Policy] = {
    policy.__name__: policy
    for policy in (do_nothing, always_roll_back, always_retrain, threshold_alarm, runbook_follower)
}


def _once(observation: Observation, command: str) -> str:
    return "advance" if command in _ever(observation) else command


def _ever(observation: Observation) -> set[str]:
    """Everything that was ever asked for."""
    return {command for _, command in observation.history} | set(observation.asked)


def _is_tried(observation: Observation, command: str) -> bool:
    """Whether a line was followed lately: its owner needs a day or two."""
    last = max((day for day, asked in observation.history if asked == command), default=-PATIENCE)
    return observation.day - last < PATIENCE


def _lines(observation: Observation) -> list[str]:
    """Commands of the runbook for what rings tonight."""
    named = [alert for alert in observation.alerts if _names_something(alert)]
    lines = [
        command
        for alert in named or observation.alerts
        for command in (*alert.runbook, *FROM_LESSONS.get(alert.path, ()))
    ]
    return list(dict.fromkeys([*lines, *_from_evidence(observation)]))


def _from_evidence(observation: Observation) -> list[str]:
    """Lines for what rings nowhere: a version beside the usual one, a queue that nobody opens."""
    today = [seen for seen in observation.evidence if seen.day == observation.day]
    rows = [row for seen in today for row in seen.rows]
    known = {row["version"] for row in rows if row.get("what") == "in the registry"}
    answered = {row["version"] for row in rows if row.get("what") == "answered yesterday"}
    models = {version for version in answered if "fallback" not in version}
    strange = bool(known) and (len(models) > 1 or not models <= known)
    queue = [row for row in rows if row.get("metric") == "decisions.review_rate"]
    idle = any(row["now"] == 0.0 < row["usual"] for row in queue)
    return ["roll_back"] * strange + ["ask_owner fraud operations"] * idle


def _ways_back(observation: Observation) -> list[str]:
    """What stands although nothing of the model's service or inputs rings any more."""
    if any(_names_something(alert) for alert in observation.alerts):
        return []
    return [f"undo {command}" for command in observation.in_force]


def _names_something(alert: Ringing) -> bool:
    has_line = bool(alert.runbook) or alert.path in FROM_LESSONS
    return alert.path.partition(".")[0] in ("inputs", "operations") and has_line
