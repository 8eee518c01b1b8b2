"""What a page shows of a query or view that was run by this server, a plugin or another server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubbub.analyzers.result import Coverage, Gap, Result
from hubbub.charts.picture.drawing import Drawing
from hubbub.config import Config
from hubbub.formats import encode
from hubbub.formats.tables import Table, table
from hubbub.live.alerts.judged import judged_rules
from hubbub.live.server.answers.parameters import Parameters, for_function
from hubbub.run.configured import configured_runner
from hubbub.run.injection import Injector
from hubbub.times import EPOCH, parse_time
from hubbub.zones import UNIVERSAL, Zone

if TYPE_CHECKING:
    from hubbub.registry import Function
    from hubbub.run.runner import Runner
    from hubbub.store import Store

__all__ = ["Outcome", "outcome", "run"]

_STATES = frozenset({"complete", "healed", "unproven"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """An answer, taken apart for a page."""

    drawing: Drawing | None = None
    table: Table | None = None
    text: str = ""  # instead of a table
    page: bool = False  # a view's own page, which is shown in a frame
    coverage: Coverage | None = None
    range: tuple[str, str] | None = None  # of the answer, ISO 8601
    zone: Zone = UNIVERSAL
    events: int | None = None
    diagnostics: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()

    def as_page(self) -> Outcome:
        """Return the answer of a view that is a page of its own."""
        return replace(self, page=True, text="")


def run(
    store: Store,
    config: Config,
    function: Function,
    values: Parameters,
    *,
    names: bool,
    style: Path | None,
) -> Outcome:
    """Run a built-in query or view.

    Args:
        store: an open store.
        config: the configuration.
        function: the query or view.
        values: its parameters.
        names: whether the request may see names of people.
        style: a TOML file with colours and a font.

    Raises:
        NotAllowedError: it may not, and the answer would name some.
        UsageError: a parameter is not allowed.
        StoreError: the store cannot be read.
    """
    inject = Injector(store.state, style=style)
    runner = configured_runner(
        store, config, inject=inject, names=names, alert_rules=judged_rules(config)
    )
    parameters = for_function(function, values)
    if function.kind == "query":
        return outcome(runner.query(function.name, **parameters), runner.notes)
    answer = outcome(runner.view(function.name, **parameters), runner.notes)
    if "ledger" in function.signature:  # its range is another one
        return answer
    return replace(answer, **_asked(runner, function, parameters))


def _asked(runner: Runner, function: Function, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return range and zone that a picture was asked for; it may leave out periods that are cut."""
    shared = {"since", "until", "tz"} - {parameter.name for parameter in function.parameters}
    stated = {name: value for name, value in parameters.items() if name in shared}
    runner.common = runner.common.updated(stated, runner.now)
    asked, zone = runner.range(), runner.common.zone
    return {"range": (zone.iso(asked.since), zone.iso(asked.until)), "zone": zone}


def outcome(value: Any, notes: Sequence[str] = ()) -> Outcome:
    """Take an answer apart: a `Result`, a `Drawing`, a text, or other data."""
    if isinstance(value, Drawing):
        return _of_drawing(value, notes)
    if isinstance(value, Result):
        text = value.data if isinstance(value.data, str) else value.diagnostics.get("text")
        return Outcome(
            table=None if isinstance(text, str) else table(value),
            text=encode.text(value, "text") if isinstance(text, str) else "",
            coverage=value.coverage if value.coverage.state in _STATES else None,
            range=(value.zone.iso(value.since), value.zone.iso(value.until)),
            zone=value.zone,
            events=value.events,
            diagnostics={k: v for k, v in value.shown_diagnostics.items() if k != "text"},
            notes=list(notes),
        )
    if isinstance(value, str):
        return Outcome(text=value, notes=list(notes))
    bare = Result(query="", parameters={}, data=value, since=EPOCH, until=EPOCH, events=0)
    return Outcome(table=table(bare), notes=list(notes))


def _of_drawing(drawing: Drawing, notes: Sequence[str]) -> Outcome:
    facts = drawing.metadata
    since, until, found = facts.get("since"), facts.get("until"), facts.get("coverage")
    return Outcome(
        drawing=drawing,
        table=Table(drawing.columns, drawing.rows),
        coverage=_coverage(found) if isinstance(found, Mapping) else None,
        range=(str(since), str(until)) if since and until else None,
        events=facts.get("events") if isinstance(facts.get("events"), int) else None,
        notes=list(notes),
    )


def _coverage(document: Mapping[str, Any]) -> Coverage | None:
    """Read what `Coverage.document` wrote; None if a plugin wrote something else."""
    state = document.get("state")
    if not isinstance(state, str) or state not in _STATES:
        return None
    try:
        gaps = [
            Gap(
                parse_time(gap["start"], EPOCH),
                parse_time(gap["end"], EPOCH),
                str(gap["source"]),
                str(gap["why"]),
            )
            for gap in document.get("gaps") or ()
        ]
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return Coverage(state, tuple(gaps))
