"""The injected objects that are data of the request or of its range."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from hubbub.run.scope import Call
from hubbub.store.query.affiliations import read as read_affiliations
from hubbub.store.state import dead_letters
from hubbub.store.state.coverage import clip
from hubbub.times import to_micros

if TYPE_CHECKING:
    from hubbub.run.runner import Runner

__all__ = ["REQUEST", "of_request"]

#: The names of these objects.
REQUEST = frozenset(
    {
        *("affiliations", "alert_rules", "clock", "ledger", "malformed", "params", "samples"),
        "zone",
    }
)


def _no_rules(_since: Any, _until: Any) -> tuple[()]:
    """Return the rules where none is configured."""
    return ()


def of_request(name: str, call: Call, runner: Runner) -> Any:
    """Return the object for the parameter `name`, one of `REQUEST`."""
    since, until = to_micros(call.time_range.since), to_micros(call.time_range.until)
    if name == "ledger":
        return runner.anonymity.spans(clip(runner.spans, since, until))
    if name == "samples":
        from hubbub.run.objects.samples import read_samples

        return read_samples(runner.store, since, until)
    if name == "malformed":
        return partial(dead_letters.line_numbers, runner.store.state.rows)
    if name == "alert_rules":
        judge = runner.alert_rules
        return _no_rules if judge is None else partial(judge, runner.store)
    if name == "affiliations":
        file, zone = runner.affiliations, call.options.zone
        return () if file is None else read_affiliations(file, zone)
    return {"params": dict(call.extra), "clock": runner.clock, "zone": call.options.zone}[name]
