"""`hubbub demo`: gather, listen and report on simulated traffic, offline.

It uses the functions of `gather`, `listen` and `report`, and leaves a store to try other commands
on.
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
from hubbub.cli.commands.results.report import say_failures
from hubbub.cli.functions import INCOMPLETE
from hubbub.errors import HubbubError, UsageError
from hubbub.times import to_micros

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hubbub.charts.report.report import Report
    from hubbub.collector.history.client import History
    from hubbub.collector.history.gather import Gathered
    from hubbub.collector.listening.listener import Listener
    from hubbub.store import Store
    from hubbub.testing.bus import Bus, Published
    from hubbub.testing.simulator.message import SimMessage
    from hubbub.testing.simulator.traffic import Traffic

__all__ = ["demo"]

_DAYS = timedelta(days=14)
_PER_DAY = 2_000
_LIVE = timedelta(hours=12)  # the newest part, which is sent over the bus
_OVERLAP = timedelta(hours=1)  # part of the history that the bus sends again
_RATE = 200  # messages per second on the bus
_TIMEOUT = 30.0  # seconds for the last message to arrive
_MARK = ".hubbub-demo"  # this file marks DIR/store as created by the demo


@dataclass(frozen=True, slots=True)
class _Received:
    """What was sent over the bus, and what arrived."""

    sent: Published
    received: int
    source: str
    lost: int


def _new_store(app: App, out: Path) -> None:
    """Choose DIR/store as the store of this run, and delete that of an earlier run.

    Raises:
        UsageError: --store was given, DIR/store was not created by a demo, DIR holds pages of
            something else, or it cannot be written.
    """
    if app.store_path is not None:
        raise UsageError(
            "the demo stores its simulated messages in DIR/store",
            where="--store",
            hint="leave --store out",
        )
    from hubbub.charts.report.folder import check_folder
    from hubbub.store.disk.files import replace_file

    check_folder(out)
    store, mark = out / "store", out / _MARK
    try:
        if store.exists():
            if not mark.exists():
                raise UsageError(
                    "this store was not created by the demo and is not overwritten",
                    where=str(store),
                    hint="give another folder with -o",
                )
            shutil.rmtree(store)
        out.mkdir(parents=True, exist_ok=True)
        replace_file(mark, b"hubbub demo replaces the store in this folder at every run.\n")
    except OSError as error:
        raise UsageError(
            f"cannot write here: {error.strerror}",
            where=str(error.filename or out),
            hint="give a folder that you may write to with -o",
        ) from error
    app.store_path = store


def _gather(store: Store, history: History, since: datetime, until: datetime) -> Gathered:
    from hubbub.cli.output.progress import bar
    from hubbub.collector.history.gather import gather

    def reached(when: datetime) -> None:
        text = f"{when:%Y-%m-%d %H:%M} of {until:%Y-%m-%d %H:%M} UTC"
        update((when - since).total_seconds(), (until - since).total_seconds(), text)

    with store.spool("gather") as sink, bar("gathering simulated history:") as update:
        return gather(
            history,
            sink,
            store.state,
            start=since,
            end=until,
            settle=timedelta(0),  # a simulated history has no late rows
            reached=reached,
        )


def _listen(store: Store, traffic: Traffic, since: datetime, until: datetime) -> _Received:
    """Publish [since, until) on a simulated bus, and listen to it."""
    from hubbub.collector.listening.listener import Listener
    from hubbub.collector.zeromq.receiver import Receiver
    from hubbub.testing.bus import Bus

    stop = Event()
    with (
        Bus("tcp://127.0.0.1:*") as bus,
        store.spool("listen") as sink,
        Receiver(connect=[bus.endpoint]) as receiver,
        ThreadPoolExecutor(1, "bus") as pool,
    ):
        listener = Listener([receiver], sink)
        messages = traffic.between(to_micros(since), to_micros(until))
        publishing = pool.submit(_publish, messages, bus, listener, stop)
        try:
            counts = listener.run()
        finally:
            stop.set()
        sent = publishing.result()
        total = sent.messages + sent.broken
        return _Received(sent, counts.received, f"zmq:{bus.endpoint}", total - counts.received)


def _publish(
    messages: Iterable[SimMessage], bus: Bus, listener: Listener, stop: Event
) -> Published:
    """Publish, wait until everything has arrived, and stop the listener; runs in a thread."""
    from hubbub.testing.bus import play

    try:
        bus.wait(stop, _TIMEOUT)
        sent = play(messages, bus, stop, pace=_RATE)
        end = time.monotonic() + _TIMEOUT
        total = sent.messages + sent.broken
        while listener.counts().received < total and time.monotonic() < end:
            if stop.wait(0.05):
                break
        return sent
    finally:
        listener.stop()


def _monday(when: datetime) -> datetime:
    """Return the beginning of the ISO week, UTC."""
    day = when.replace(hour=0, minute=0, second=0, microsecond=0)
    return day - timedelta(days=day.weekday())


def _write_report(
    app: App, store: Store, out: Path, since: datetime, until: datetime
) -> tuple[str, Report]:
    """Write the report; return a summary in one line and what was written."""
    from hubbub.charts.report.report import report
    from hubbub.run.injection import Injector
    from hubbub.run.runner import Runner
    from hubbub.run.scope import CommonOptions
    from hubbub.store.query.selection import bot_globs

    people = app.config.people
    bots = bot_globs(people.bots, people.more_bots)
    make_runner = partial(Runner, store, bots=bots, inject=Injector(store.state))
    runner = make_runner(common=CommonOptions(since=since, until=until))
    written = report(runner, out, since, until)
    window = until - since
    longtail = runner.query("longtail", window=window, step=window, interval=True)
    shared: Mapping[str, Any] = longtail.diagnostics["effective_people"]
    topics: dict[str, int] = {}
    for row in runner.query("volume", axis="topic", per="week").data:
        topics[row["name"]] = topics.get(row["name"], 0) + row["messages"]
    busiest = max(topics, key=lambda name: (topics[name], name))
    evenness = f"the messages that name them: {shared['note']}"
    if shared["value"] is not None:
        about = "" if shared["low"] is not None else "about "
        evenness = "the messages that name them as evenly as "
        evenness += f"{about}{shared['value']:.1f} people with equal shares"
        if not about:
            evenness += f" (90 % interval {shared['low']:.1f} to {shared['high']:.1f})"
    summary = (
        f"result    {shared['people']:,} people share {evenness}; "
        f"busiest topic {busiest} ({topics[busiest]:,})"
    )
    return summary, written


@common_options
@click.command(name="demo")
@click.option(
    "-o", "--output", "output", required=True, metavar="DIR", help="Folder for charts and store."
)
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Seed of the simulated project."
)
@pass_app
def demo(app: App, output: str, seed: int) -> int:
    """Try everything on simulated traffic; nothing leaves this machine.

    Gathers 14 days of a simulated history (2,000 messages a day, up to the last Monday) except the
    last 12 hours, receives those from a simulated bus that also repeats an hour of known messages,
    gathers again to prove that nothing is missing, and draws every chart into DIR.
    """
    from hubbub.collector.history.client import History
    from hubbub.testing.history.server import HistoryServer
    from hubbub.testing.simulator.traffic import Traffic

    app.configure_logging()
    app.plugins()
    out = Path(output)
    _new_store(app, out)
    traffic = Traffic(seed, _PER_DAY)
    now = _monday(datetime.now(UTC))  # two whole weeks, which can be compared
    edge = now - _LIVE
    with (
        app.store() as store,
        HistoryServer(traffic, days=_DAYS.days + 1, clock=lambda: to_micros(now)) as server,
    ):
        history = History(server.url)
        changes = app.count_changes(store)
        first = _gather(store, history, now - _DAYS, edge)
        app.load(store)
        gathered = changes([history.source])
        click.echo(
            f"gathered  {first.rows:,} messages of {(_DAYS - _LIVE).total_seconds() / 86400:.1f} "
            f"days from a simulated history: {gathered['new']:,} new"
        )
        live = _listen(store, traffic, edge - _OVERLAP, now)
        if live.lost:
            raise HubbubError(
                f"{live.lost:,} messages of the simulated bus did not arrive",
                hint="this machine may be too busy; run the demo again",
            )
        app.load(store)
        received = changes([live.source])
        broken = sum(received["refused"].values())
        click.echo(
            f"received  {live.received:,} messages from a simulated bus: {received['new']:,} new, "
            f"{received['known']:,} already known, {broken:,} broken and kept as dead letters"
        )
        changes = app.count_changes(store)
        second = _gather(store, history, now - _DAYS, now)
        app.load(store)
        missing = changes([history.source])["new"]
        click.echo(
            f"checked   the received hours against the history: {second.rows:,} messages, "
            f"{missing:,} of them missing here"
        )
        summary, written = _write_report(app, store, out, now - _DAYS, now)
    click.echo(summary)
    click.echo(f"open      {out / 'index.html'} ({len(written.files)} files), or query the store: "
               f"hubbub query users --store {out / 'store'}")  # fmt: skip
    incomplete = INCOMPLETE if first.incomplete or second.incomplete else 0
    return say_failures(written) or incomplete
