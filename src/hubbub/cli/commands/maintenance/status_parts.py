"""Parts of `hubbub status`: connections of listeners, and completeness of forges' files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from hubbub.language.plurals import plural

if TYPE_CHECKING:
    from hubbub.store import Store

__all__ = [
    "alerts_of",
    "completeness_of",
    "connections_of",
    "mirrors_of",
    "show_alerts",
    "show_completeness",
    "show_connections",
    "show_mirrors",
]

_STALE = 30.0  # s after which a reported connection may be in any state
_WARN_DAYS = 60  # before a certificate expires
_MAX_REPOSITORIES = 10
_MAX_ALERTS = 10
_DAY = 86_400_000_000  # µs


def connections_of(store: Store, now: int) -> list[dict[str, Any]]:
    """Return the states of connections as listeners last reported them; seconds of their age."""
    from hubbub.collector.event import CONNECTIONS_KEY

    states = store.state.get(CONNECTIONS_KEY) or {}
    return [
        {"source": source, "age": round((now - state["at"]) / 1e6, 1)}
        | {name: value for name, value in state.items() if name != "at"}
        for source, state in sorted(states.items())
    ]


def alerts_of(store: Store, now: int) -> dict[str, Any]:
    """Return the alerts that are on, and which notifications could not be delivered."""
    from hubbub.live.alerts.board import board
    from hubbub.store.state import notifications
    from hubbub.times import from_micros, iso

    def time(micros: int | None) -> str | None:
        return None if micros is None else iso(from_micros(micros))

    shown = board(store.state, names=True, limit=0)
    return {
        "open": [
            {"number": each.number, "alert": each.title, "since": time(each.time)}
            for each in shown.open
        ],
        "notifications": notifications.counts(store.state),
        "undelivered": [
            {
                "channel": each.channel,
                "alert": each.change,
                "status": each.status,
                "attempts": each.attempts,
                "next": time(each.next_attempt),
                "why": each.error,
            }
            for each in notifications.troubled(store.state, now - _DAY)
        ],
    }


def mirrors_of(store: Store) -> list[dict[str, Any]]:
    """Return how far the mirrors of a store are behind."""
    from dataclasses import asdict

    from hubbub.store.stream.outgoing import lags
    from hubbub.store.stream.places import FOLDER

    found = [asdict(lag) for lag in lags(store.state, store.path / FOLDER)]
    return [lag | {"seconds": round(lag["seconds"], 1), "idle": round(lag["idle"], 1)}
            for lag in found]  # fmt: skip


def show_mirrors(mirrors: Sequence[dict[str, Any]]) -> None:
    """Print how far the mirrors are behind."""
    from hubbub.cli.output.formats import show_table
    from hubbub.formats.tables import Table

    if not mirrors:
        return
    click.echo("\nmirrors")
    names = ("url", "behind", "files wait", "last run", "events", "known")
    rows = [
        (each["url"], f"{each['seconds']:,.0f} s", each["files"], f"{each['idle']:,.0f} s ago",
         each["events"], each["known"])
        for each in mirrors
    ]  # fmt: skip
    show_table(Table(names, rows))
    for each in mirrors:
        if each["error"]:
            click.echo(f"{each['url']}: {each['error']}")


def show_alerts(alerts: dict[str, Any]) -> None:
    """Print the alerts that are on, and what could not be delivered."""
    from hubbub.cli.output.formats import show_table
    from hubbub.formats.tables import Table

    for key, title in (
        ("open", "alerts that are on"),
        ("undelivered", "notifications that could not be delivered"),
    ):
        rows = alerts[key]
        if not rows:
            continue
        click.echo(f"\n{title}")
        names = tuple(rows[0])
        show_table(Table(names, [tuple(row.values()) for row in rows[:_MAX_ALERTS]]))
        if (hidden := len(rows) - _MAX_ALERTS) > 0:
            click.echo(
                f"{plural(hidden, 'more is', 'more are')} not shown: use hubbub status --json"
            )


def show_connections(connections: list[dict[str, Any]]) -> None:
    """Print the states of connections, with faults and expiring certificates."""
    from hubbub.cli.output.formats import show_table
    from hubbub.formats.tables import Table

    if not connections:
        return
    click.echo("\nconnections, as the listener last reported them")
    names = ("source", "state", "reported", "received", "in queue", "unacknowledged", "redelivered")
    rows = []
    for each in connections:
        counts = [each.get(key) for key in ("received", "waiting", "unacknowledged", "redelivered")]
        age = f"{each['age']:,.0f} s ago"
        rows.append((each["source"], each["state"] if each["age"] < _STALE else "unknown", age,
                     *("" if n is None else n for n in counts)))  # fmt: skip
    show_table(Table(names, rows))
    for each in connections:
        if each.get("fault"):
            hint = f"\n  {each['hint']}" if each.get("hint") else ""
            click.echo(f"{each['source']}: {each['fault']}{hint}")
        if (days := _days_left(each.get("certificate_expires"))) is not None and days < _WARN_DAYS:
            click.echo(
                f"{each['source']}: a certificate expires on {each['certificate_expires']}, in "
                f"{plural(days, 'day')}: replace it, and restart the listener"
                if days >= 0
                else f"{each['source']}: a certificate expired on {each['certificate_expires']}"
            )


def _days_left(day: str | None) -> int | None:
    from datetime import UTC, date, datetime

    return None if day is None else (date.fromisoformat(day) - datetime.now(UTC).date()).days


def completeness_of(store: Store, sources: Iterable[str]) -> list[dict[str, Any]]:
    """Return the estimates for repositories, if there are files of forges among the sources."""
    from hubbub.collector.decode.items import ITEM_FORMATS

    if not any(source.partition(":")[0] in ITEM_FORMATS for source in sources):
        return []
    from hubbub.analyzers.activity.numbering import completeness

    return completeness(store.events())


def show_completeness(repositories: Sequence[dict[str, Any]]) -> None:
    """Print the estimates of repositories."""
    if not repositories:
        return
    from hubbub.analyzers.activity.numbering import REASON
    from hubbub.formats.tables import clean

    click.echo(f"\nissues and pull requests: {REASON}")
    for repository in repositories[:_MAX_REPOSITORIES]:
        click.echo(clean(repository["estimate"]))
    if (hidden := len(repositories) - _MAX_REPOSITORIES) > 0:
        click.echo(f"{hidden:,} more: hubbub query coverage --per repository")
