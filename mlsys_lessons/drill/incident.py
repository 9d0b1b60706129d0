"""An incident to be lived through: a state machine around the course's real system.

`inspect` looks at evidence, `act` asks for a mitigation at the coming midnight, `advance` lives a
day, `debrief` tells at the end. The player is the running system's responder; what an action does
comes out of the simulation, and the same script through `simulate` ends in the same ledger.
Longer than most: all that a player can see and do is one object.
"""

from __future__ import annotations

from typing import Any

from mlsys_lessons.components.response import KINDS, Mitigation
from mlsys_lessons.components.response.assumptions import FIGURES
from mlsys_lessons.domain import path
from mlsys_lessons.drill.debrief import Debrief, told
from mlsys_lessons.drill.evidence import SHELF
from mlsys_lessons.drill.observation import (
    Observation,
    Seen,
    command_of,
    noticed,
    replied,
    ringing,
)
from mlsys_lessons.drill.runs import (
    Script,
    best,
    idle,
    lived,
    paged,
    script_of,
    seen_last,
    system_of,
    usual_day,
    world_of,
)
from mlsys_lessons.drill.scenario import PAGE_DAY, mitigation_of, scenario
from mlsys_lessons.drill.score import Score
from mlsys_lessons.errors import InputError, StateError
from mlsys_lessons.records import whole_number
from mlsys_lessons.simulation.run import Run
from mlsys_lessons.simulation.simulate import copied, simulate

VERBS = ("inspect", "advance", "undo", *KINDS)
MINUTES = 480  # of looking, a day
BEFORE_THE_PAGE = 14  # days of old alerts that everybody can read


class Incident:
    """One incident of the drill, from the page to the debrief.

    Same scenario and seed, same incident. Commands are words, the same for every face of the drill:
    "inspect inputs", "inspect slice country", "ask_owner amount", "undo fall_back", "advance".
    Raises InputError for a command that nobody could follow, StateError for one that comes too
    late; either changes nothing.

    >>> incident = Incident("unit_change", seed=3)
    >>> "inputs.amount_mean" in [row["metric"] for row in incident.inspect("inputs")]
    True
    >>> incident.act("ask_owner amount")
    'tonight: ask_owner amount'
    >>> incident
    Incident(day 0 of 14, 1 look, 1 asked for tonight)
    """

    def __init__(self, name: str, seed: int = 0) -> None:
        self.scenario = scenario(name)
        self.seed = whole_number("seed", seed, 0, 2**31 - 1)
        self.day = 0  # since the page
        self._own: Run | None = None  # until somebody acts, all players of a process share one
        self.tonight: list[Mitigation] = []
        self.plan: dict[int, tuple[Mitigation, ...]] = {}
        self.minutes = 0  # spent on evidence, in all
        self._minutes_today = 0
        self.evidence: list[Seen] = []
        self.replies: list[tuple[int, str]] = []  # of owners

    def __repr__(self) -> str:
        looks = len(self.evidence)
        return (
            f"Incident(day {self.day} of {self.scenario.days}, {looks} look{'s' * (looks != 1)}, "
            f"{len(self.tonight)} asked for tonight)"
        )

    # --- what stands before the player ---------------------------------------------------------

    @property
    def _run(self) -> Run:
        """The run as it stands: everybody's where nobody has acted, to be read and not changed."""
        name, seed, last = self.scenario.name, self.seed, PAGE_DAY + self.day
        if self._own is None:
            idle(name, seed).at(self.day)
            for shared in (paged(name, seed), idle(name, seed).run):
                if shared.days == last:
                    return shared
            self._own = copied(paged(name, seed))
        while self._own.days < last:
            self._own.step()
        return self._own

    @property
    def is_over(self) -> bool:
        """Whether the last day has been lived."""
        return self.day >= self.scenario.days

    @property
    def spent(self) -> float:
        """Cents spent on evidence."""
        return self.minutes * FIGURES["hour"] / 60.0

    @property
    def observation(self) -> Observation:
        """Everything that a player may know."""
        own, shared = self._own, idle(self.scenario.name, self.seed)
        midnight = shared.at(self.day) if own is None else seen_last(own)
        in_force = {} if own is None else own.system.in_force
        return Observation(
            page=self.scenario.page, day=self.day, days_left=self.scenario.days - self.day,
            minutes_left=MINUTES - self._minutes_today, spent_cents=round(self.spent),
            alerts=tuple(ringing(midnight)), cases=tuple(noticed(midnight.cases)),
            in_force=tuple(command_of(item) for item in in_force),
            asked=tuple(command_of(item) for item in self.tonight),
            history=tuple(
                (tick - PAGE_DAY, command_of(item))
                for tick, items in self.plan.items() for item in items
            ),
            replies=tuple(self.replies), evidence=tuple(self.evidence),
        )  # fmt: skip

    @property
    def usual_day(self) -> float:
        """Cents that a day is expected to earn when nothing is wrong: the scale of every price."""
        return usual_day(self.seed, self.scenario.world)

    @property
    def rung(self) -> tuple[tuple[int, str, str], ...]:
        """Every alert of the last weeks: its day (negative before the page), path, severity."""
        alerts = (self._own or idle(self.scenario.name, self.seed).run).alerts
        since, last = PAGE_DAY - BEFORE_THE_PAGE, PAGE_DAY + self.day
        recent = alerts[(alerts["tick"] >= since) & (alerts["tick"] < last)]
        return tuple(
            (int(tick) + 1 - PAGE_DAY, path(layer, metric, segment), str(severity))
            for tick, layer, metric, segment, severity in
            recent[["tick", "layer", "metric", "segment", "severity"]].itertuples(index=False)
        )  # fmt: skip

    @property
    def choices(self) -> dict[str, tuple[str, ...]]:
        """What a command may name: a source, a field; and by which field a slice can be cut."""
        domain = paged(self.scenario.name, self.seed).system.domain
        fields, cuts = tuple(field.name for field in domain.fields), tuple(domain.vocabularies)
        return {"source": tuple(domain.sources), "field": fields, "slice": cuts}

    # --- what the player may do ----------------------------------------------------------------

    def do(self, command: str) -> Any:
        """Follow one command in words; see the class."""
        words = str(command).split()
        if words and words[0] not in VERBS:
            raise InputError(
                f"{words[0]!r} is no command: it is not on the list; inspect to look, advance to "
                f"let a night pass, undo, or one of {', '.join(KINDS)}."
            )
        if words[:1] == ["inspect"]:
            return self.inspect(" ".join(words[1:2]), " ".join(words[2:]))
        if words[:1] == ["advance"]:
            days = " ".join(words[1:]) or "1"
            if not days.isdecimal():
                raise InputError(f"advance {days!r} is no number of days; advance 3, say.")
            return self.advance(int(days))
        return self.act(command)

    def inspect(self, kind: str, about: str = "") -> tuple[dict[str, Any], ...]:
        """Look at one thing on the shelf; its minutes are charged. Returns its rows."""
        self._check_open()
        item = SHELF.get(kind)
        if item is None:
            raise InputError(f"nothing on the shelf is {kind!r}; choose one of {', '.join(SHELF)}.")
        if bool(about) != bool(item.about):
            cuts = f"by one of {', '.join(self.choices['slice'])}"
            way_out = f"say inspect {kind} {cuts if item.about else 'alone'}"
            raise InputError(f"inspect {kind} {about!r} does not work; {way_out}.")
        if self._minutes_today + item.minutes > MINUTES:
            raise StateError(
                f"{kind} takes {item.minutes} minutes, and today has no more; advance."
            )
        rows = tuple(item.look(self._run, self.scenario, about))
        self.minutes += item.minutes
        self._minutes_today += item.minutes
        self.evidence.append(Seen(self.day, f"{kind} {about}".strip(), rows))
        return rows

    def act(self, asked: str | Mitigation) -> str:
        """Ask for a mitigation; it takes effect at the coming midnight."""
        self._check_open()
        mitigation = asked if isinstance(asked, Mitigation) else self._named(asked)
        domain, in_force = self._run.system.domain, self._run.system.in_force
        if mitigation.name == "ask_owner" and mitigation.value not in domain.sources:
            raise InputError(
                f"nobody answers for {mitigation.value!r}; ask one of {', '.join(domain.sources)}."
            )
        if mitigation.name == "quarantine":
            domain.field(str(mitigation.value))
        if mitigation in self.tonight:
            raise StateError(f"{command_of(mitigation)} is asked for already; advance.")
        if mitigation.undone and mitigation not in {item.undo() for item in in_force}:
            raise StateError(f"{command_of(mitigation)}: nothing like it is in force.")
        self.tonight.append(mitigation)
        return f"tonight: {command_of(mitigation)}"

    def _named(self, asked: str) -> Mitigation:
        """What a command asks for; one that forgets whom or what is told the choice."""
        last = str(asked).split()[-1:]
        takes = KINDS[last[0]].takes if last and last[0] in KINDS else ""
        if takes in self.choices:
            raise InputError(f"{asked} needs a {takes}: one of {', '.join(self.choices[takes])}.")
        return mitigation_of(asked)

    def advance(self, days: int = 1) -> Observation:
        """Live so many days, or until the end; what was asked for takes effect tonight."""
        self._check_open()
        for _ in range(whole_number("days", days, 1, 365)):
            if self.is_over:
                break
            if self.tonight:
                self._own = self._own or copied(self._run)
                self.plan[PAGE_DAY + self.day] = tuple(self.tonight)
            self.day += 1
            if self._own is not None:
                script_of(self._own).plan = dict(self.plan)
                self._own.step()
                said = replied(self.tonight, self._own)
                self.replies += ((self.day, words) for words in said)
            self.tonight, self._minutes_today = [], 0
        return self.observation

    def _check_open(self) -> None:
        if self.is_over:
            raise StateError("the incident is over; read debrief().")

    # --- afterwards ----------------------------------------------------------------------------

    @property
    def score(self) -> Score:
        """What it came to. Raises StateError before the end."""
        if not self.is_over:
            raise StateError(
                f"the incident has {self.scenario.days - self.day} days left; advance."
            )
        name, seed = self.scenario.name, self.seed
        remedied = best(name, seed)
        return Score(
            lost=remedied - self._run.expected_value + self.spent,
            at_stake=remedied - lived(name, seed).expected_value,
            day=self.usual_day, evidence=self.spent,
        )  # fmt: skip

    def debrief(self) -> Debrief:
        """What broke when, who could have seen it, what was done, what it cost."""
        return told(self.scenario, self._run, self.plan, tuple(self.evidence), self.score)

    def replay(self) -> Run:
        """The same through `simulate`, from day 0: what a drill was is a script and a seed."""
        world, system = world_of(self.seed, self.scenario.world), system_of(self.seed)
        system.response.responder = Script(dict(self.plan))
        return simulate(world, system, days=self._run.days, faults=self.scenario.happening())
