"""The postmortem of a run's incident as a page of Markdown: facts filled in, places for the rest.

It blames nobody: it names mechanisms, signals and owners of systems. What only people know (what
helped, what stood in the way, what will be changed) is left open, with a place for name and day.
The facts are the run's: an incident's life, the case that was opened, the money.
"""

from __future__ import annotations

from collections.abc import Iterable

from mlsys_lessons.simulation.run import Run

OPEN = "_..._"


def page(
    title: str, *, summary: str, impact: str, timeline: Iterable[tuple[float, str]],
    clock: str = "day", owner: str = OPEN, went_well: Iterable[str] = (),
) -> str:  # fmt: skip
    """A blameless postmortem as Markdown.

    `timeline` holds (day, words) in order, `clock` heads its column; `went_well` are facts that the
    machine knows to have helped.

    >>> print(page("A bug", summary="Cents.", impact="9 EUR", timeline=[(3.0, "broke")])[:19])
    # Postmortem: A bug
    """
    rows = [f"| {day:.1f} | {words} |" for day, words in timeline]
    helped = [*(f"- {fact}" for fact in went_well), OPEN]
    return "\n".join([
        f"# Postmortem: {title}", "", "## What happened", "", summary, "", f"**Cost:** {impact}",
        "", f"**Owner of this page:** {owner}", "", f"## Timeline ({clock})", "",
        "| day | what |", "|---:|---|", *rows, "", "## What went well", "", *helped, "",
        "## What stood in the way", "", OPEN, "", "## What we change, who owns it, by when", "",
        "| change | owner | by |", "|---|---|---|", "| | | |", "",
    ])  # fmt: skip


def postmortem(run: Run, incident: int = 0, *, twin: Run | None = None) -> str:
    """The page of one incident of a run; with a twin, the same run without it, its exact price.

    Why it matters: a page that is written from memory tells what people felt. When it broke, which
    layer saw it first and what it cost stand in the log, and nobody has to defend them.

    Raises InputError for an incident that the run does not have.

    >>> import mlsys_lessons as mls
    >>> world, system = mls.payments_world(seed=7, daily=100), mls.naive_system(seed=7)
    >>> run = mls.simulate(world, system, days=4, faults=[mls.faults.latency(start=1, end=2)])
    >>> postmortem(run).splitlines()[0]
    '# Postmortem: latency on day 1'
    """
    life = run.life(incident, twin=twin)
    fault, case = life.fault, life.case
    ended = f"ended on day {fault.end:.1f}" if fault.end < run.days else "has not ended"
    summary = f"`{fault.name}` began on day {fault.start:.1f} and {ended}."
    seen = [f"{layer} raised an alert on day {day}" for layer, day in life.seen.items()]
    done = [] if case is None else [f"{each} was done" for each in map(str, case.applied)]
    certain = "against the same days without it" if twin else "estimated from the weeks before"
    return page(
        f"{fault.name} on day {fault.start:.0f}",
        summary=summary,
        impact=f"{life.cents.sum() / 100:+,.0f} EUR, {certain}.",
        timeline=life.moments, clock="days of the run",
        owner=case.owner if case is not None else OPEN, went_well=[*seen, *done],
    )  # fmt: skip
