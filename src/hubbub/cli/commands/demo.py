"""`hubbub demo`: a simulated history service and bus, gathered, heard and drawn; offline.

It takes the way of `gather`, `listen` and `report`, with their functions, and leaves a store that
every other command can be tried on.
"""

from __future__ import annotations

import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import click

from hubbub.cli.app import App, common_options, pass_app
from hubbub.cli.functions import INCOMPLETE
from hubbub.errors import HubbubError, UsageError
from hubbub.times import to_micros

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hubbub.collector.history.client import History
    from hubbub.collector.history.gather import Gathered
    from hubbub.store import Store
    from hubbub.testing.bus import Bus, Published
    from hubbub.testing.simulator.traffic import Traffic

__all__ = ["demo"]

_DAYS = timedelta(days=14)
_PER_DAY = 2_000
_HEARD = timedelta(hours=12)  # the youngest part, which comes over the bus
_OVERLAP = timedelta(hours=1)  # what the bus repeats of the history
_RATE = 200  # messages a second on the bus
_PATIENCE = 30.0  # seconds for the last message to arrive
_MARK = ".hubbub-demo"  # says that DIR/store is ours to make anew


@dataclass(frozen=True, slots=True)
class _Heard:
    """What crossed the bus."""

    sent: Published
    received: int
    source: str
    lost: int


def _new_store(app: App, out: Path) -> None:
    """Make room for the store of this run.

    Raises:
        UsageError: a store was chosen, DIR holds one that no demo made, or cannot be written.
    """
    if app.store_path is not None:
        raise UsageError(
            "the demo keeps its simulated messages in a store of its own",
            where="--store",
            hint="leave --store out; the demo's store will be DIR/store",
        )
    store, mark = out / "store", out / _MARK
    try:
        if store.exists():
            if not mark.exists():
                raise UsageError(
                    "this store was not made by a demo, so the demo leaves it alone",
                    where=str(store),
                    hint="give another folder with -o",
                )
            shutil.rmtree(store)
        out.mkdir(parents=True, exist_ok=True)
        mark.write_text("The demo makes the store in this folder anew at every run.\n", "utf-8")
    except OSError as error:
        raise UsageError(
            f"cannot write there: {error.strerror}",
            where=str(error.filename or out),
            hint="give a folder that you may write to with -o",
        ) from error
    app.store_path = store


def _gather(store: Store, history: History, since: datetime, until: datetime) -> Gathered:
    from hubbub.cli.output.progress import bar
    from hubbub.collector.history.gather import gather

    with store.spool("gather") as sink, bar("gathering", unit="s of time") as shown:
        return gather(
            history,
            sink,
            store.state,
            start=since,
            end=until,
            settle=timedelta(0),  # nothing comes late into a simulated past
            progress=lambda done, total, _rows: shown(done, total),
        )


def _hear(store: Store, traffic: Traffic, since: datetime, until: datetime) -> _Heard:
    """Publish [since, until) on a bus of our own, and listen to it."""
    from hubbub.collector.bus.listener import Listener
    from hubbub.collector.bus.receiver import Receiver
    from hubbub.testing.bus import Bus

    stop = Event()
    with (
        Bus("tcp://127.0.0.1:*") as bus,
        store.spool("listen") as sink,
        Receiver(connect=[bus.endpoint]) as receiver,
        ThreadPoolExecutor(1, "bus") as pool,
    ):
        listener = Listener(receiver, sink)
        playing = pool.submit(_play, traffic, bus, listener, stop, (since, until))
        try:
            counts = listener.run()
        finally:
            stop.set()
        sent = playing.result()
        whole = sent.messages + sent.broken
        return _Heard(sent, counts.received, f"zmq:{bus.endpoint}", whole - counts.received)


def _play(
    traffic: Traffic, bus: Bus, listener: Any, stop: Event, span: tuple[datetime, datetime]
) -> Published:
    """The bus' thread: publish, wait until everything has arrived, and stop the listener."""
    from hubbub.testing.bus import play

    try:
        bus.wait(stop, _PATIENCE)
        messages = traffic.between(*map(to_micros, span))
        sent = play(messages, bus, stop, pace=_RATE)
        end = time.monotonic() + _PATIENCE
        whole = sent.messages + sent.broken
        while listener.counts().received < whole and time.monotonic() < end:
            if stop.wait(0.05):
                break
        return sent
    finally:
        listener.stop()


def _monday(when: datetime) -> datetime:
    """The beginning of its ISO week, UTC."""
    day = when.replace(hour=0, minute=0, second=0, microsecond=0)
    return day - timedelta(days=day.weekday())


def _findings(
    app: App, store: Store, out: Path, since: datetime, until: datetime
) -> tuple[str, int]:
    """Write the report; what it found, in one line, and the number of its files."""
    from hubbub.charts.report.report import report
    from hubbub.run.injection import Injector
    from hubbub.run.runner import Runner
    from hubbub.run.scope import CommonOptions

    make = partial(Runner, store, bots=app.config.people.bots, inject=Injector(store.state))
    runner = make(common=CommonOptions(since=since, until=until))
    files = report(runner, out, since, until)
    people = make(common=CommonOptions(since=since, until=until, bots=False))
    window = until - since
    spread = people.query("longtail", window=window, step=window, interval=True)
    found: Mapping[str, Any] = spread.diagnostics["effective_people"]
    topics: dict[str, int] = {}
    for row in runner.query("volume", axis="topic", per="week").data:
        topics[row["name"]] = topics.get(row["name"], 0) + row["messages"]
    busiest = max(topics, key=lambda name: (topics[name], name))
    shares = found["note"] or (
        f"as evenly as if {found['value']:.1f} people did equally much "
        f"(90 % interval {found['low']:.1f} to {found['high']:.1f})"
    )
    line = (
        f"found     {found['people']:,} people who share {found['actions']:,} actions, {shares}; "
        f"busiest topic {busiest} ({topics[busiest]:,})"
    )
    return line, len(files)


@common_options
@click.command(name="demo")
@click.option(
    "-o", "--output", "output", required=True, metavar="DIR", help="Folder for charts and store."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed, other people.")
@pass_app
def demo(app: App, output: str, seed: int) -> int:
    """Show everything on simulated traffic: nothing leaves this machine.

    Gathers 14 days of a simulated history (2,000 messages a day, up to the last Monday) but for
    the youngest 12 hours, hears those on a simulated bus that also repeats an hour of what is
    known, gathers again to prove that nothing is missing, and draws every chart into DIR.
    """
    from hubbub.collector.history.client import History
    from hubbub.testing.history.server import HistoryServer
    from hubbub.testing.simulator.traffic import Traffic

    app.configure_logging()
    app.plugins()
    out = Path(output)
    _new_store(app, out)
    traffic = Traffic(seed, _PER_DAY)
    now = _monday(datetime.now(UTC))  # two whole weeks, so that they can be compared
    edge = now - _HEARD
    with (
        app.store() as store,
        HistoryServer(traffic, days=_DAYS.days + 1, clock=lambda: to_micros(now)) as server,
    ):
        history = History(server.url)
        counts = app.count_changes(store)
        first = _gather(store, history, now - _DAYS, edge)
        app.load(store)
        came = counts([history.source])
        click.echo(
            f"gathered  {first.rows:,} messages of {(_DAYS - _HEARD).total_seconds() / 86400:.1f} "
            f"days from a simulated history: {came['new']:,} new"
        )
        heard = _hear(store, traffic, edge - _OVERLAP, now)
        if heard.lost:
            raise HubbubError(
                f"{heard.lost:,} messages of the simulated bus did not arrive",
                hint="is this machine very busy? run the demo again",
            )
        app.load(store)
        live = counts([heard.source])
        broken = sum(live["refused"].values())
        click.echo(
            f"heard     {heard.received:,} messages on a simulated bus: {live['new']:,} new, "
            f"{live['known']:,} known already, {broken:,} broken and set aside"
        )
        counts = app.count_changes(store)
        second = _gather(store, history, now - _DAYS, now)
        app.load(store)
        again = counts([history.source])
        click.echo(
            f"checked   the heard hours against the history: {second.rows:,} messages, "
            f"{again['new']:,} of them missing here"
        )
        line, files = _findings(app, store, out, now - _DAYS, now)
    click.echo(line)
    click.echo(f"look at   {out / 'index.html'} ({files} files); ask more: hubbub query users "
               f"--store {out / 'store'}")  # fmt: skip
    return INCOMPLETE if first.incomplete or second.incomplete else 0
