"""The injected objects as the documentation names them: what each is, and the class of it.

docs/make_plugin_reference.py makes the reference of plugin authors of it; a test compares the names
with `hubbub.registry.INJECTED`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["InjectedObject", "catalogue"]


class InjectedObject(NamedTuple):
    """An object that a function gets for the parameter of its name.

    Attributes:
        text: what it is, for the reference.
        shown: its class, or several, with the methods that plugins use; empty: all public ones.
    """

    text: str
    shown: Mapping[type, tuple[str, ...]] = {}


def catalogue() -> Mapping[str, InjectedObject]:
    """Return the injected objects by name."""
    from hubbub.calls.callables import Callables
    from hubbub.charts.chart import Chart
    from hubbub.registry.events import Event
    from hubbub.run.injection import State
    from hubbub.store.plugin_data.cache import Cache
    from hubbub.store.plugin_data.files import Files
    from hubbub.store.query.events import Events
    from hubbub.store.state.documents import Collection, Documents
    from hubbub.zones import Zone

    events = (
        *("by", "zone", "filter", "unnest_users", "unnest_objects", "daily_users", "hourly_users"),
        *("daily_topics", "local", "in_utc", "everybody", "count_events"),
    )
    zone = ("name", "local", "day", "floor", "following", "edges", "iso")
    files = ("open", "exists", "remove", "get_url", "expire")
    documents = InjectedObject(
        "documents that the plugin keeps: `db[NAME]` is a collection, a mapping from texts to JSON "
        "values; durable, and separate for each module. Values under the keys `user`, `agent`, "
        "`account`, `alias` and `person` are accounts: `hubbub forget` compares them as a whole, "
        "and every other text word by word",
        {Documents: (), Collection: ()},
    )
    return {
        "affiliations": InjectedObject(
            "which account was with which organisation: lines with `account`, `organisation`, "
            "`start`, `end` ([accounts](accounts.md#organisations))"
        ),
        "alert_rules": InjectedObject(
            "a function `(since, until)` that runs the configured alert rules over a range; each "
            "has `name`, `per`, `averages`, `judged_since`, `spans` (`start`, `end`, `subject`). "
            "Empty in a notebook, and where no rule is configured"
        ),
        "cache": InjectedObject(
            "values that may be lost, for some seconds; JSON values by key, separate for each "
            "module, shared by all processes",
            {Cache: ()},
        ),
        "chart": InjectedObject("draws pictures for a view", {Chart: ("bars", "line", "stacked")}),
        "clock": InjectedObject("a function that returns the current time, in UTC"),
        "db": documents,
        "events": InjectedObject(
            "of a query or view: the stored events in the range of the request that match its "
            "filters, an Ibis table with the columns `time id topic category agent users objects "
            "action size source seq extra`. Merged accounts appear as one person. Of a job: all "
            "stored events. Of an event handler: a list of events",
            {Events: events, Event: ()},
        ),
        "fs": InjectedObject(
            "text files of the plugin, which a server shows at `/files/MODULE/NAME`; separate for "
            "each module",
            {Files: files},
        ),
        "ledger": InjectedObject(
            "the spans of the ledger in the range, with `source`, `filters`, `start`, `end` (µs), "
            "`state`, `proof`; without `--since` and `--until` the range is everything that the "
            "ledger contains"
        ),
        "log": InjectedObject("a structlog logger that names plugin and function"),
        "malformed": InjectedObject(
            "a function that returns, for an import format (`notebook-events`), the numbers of the "
            "lines that could not be read"
        ),
        "mongodb": InjectedObject("the same as `db`"),
        "params": InjectedObject(
            "a dict of all other parameters of the request; without it an unknown parameter is an "
            "error"
        ),
        "past": InjectedObject(
            "`events` and all before the range, with the same filters: to compare the range with "
            "what is usual"
        ),
        "progress": InjectedObject("a function to call with the work done and the total"),
        "query": InjectedObject(
            "other queries, also those of [other servers](servers.md). One that asks for events "
            "returns a `Result` with `.data`, `.coverage` and `.events`, another one its bare "
            "value. They inherit the range and the filters of the caller",
            {Callables: ()},
        ),
        "samples": InjectedObject(
            "gauges of imported system counts: `table` (lazy; `time`, `seq`, `origin`, `name`, "
            "`value`) and `columns`, all names"
        ),
        "source": InjectedObject("a function that records the name of something the job has read"),
        "state": InjectedObject(
            "values that the plugin keeps between runs: JSON values by key, durable, separate for "
            "each module",
            {State: ()},
        ),
        "view": InjectedObject("other views, in the same way as `query`"),
        "zone": InjectedObject("the time zone of the request (`--tz`)", {Zone: zone}),
    }
