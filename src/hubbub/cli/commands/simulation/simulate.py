"""`hubbub simulate`: a realistic bus, history service or file, for trials and load tests."""

from __future__ import annotations

import contextlib
import gzip
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from hubbub.cli.app import App, common_options, pass_app
from hubbub.cli.signals import stop_signal
from hubbub.errors import UsageError
from hubbub.language.plurals import plural
from hubbub.times import from_micros, parse_time, to_micros

if TYPE_CHECKING:
    from hubbub.testing.simulator.traffic import Traffic

__all__ = ["simulate"]

_DAY = 86_400_000_000  # µs
_FOREVER = 253_370_764_800_000_000  # µs: the year 9999


def _check(
    *, bus: bool, history: bool, output: str | None, days: bool, until: bool, wire: str,
    burst: bool, live: bool,
) -> None:  # fmt: skip
    """Raise a UsageError for options that contradict each other."""
    if live and not output:
        raise UsageError("--live is for files", hint="add -o FILE; a simulated bus is always live")
    if live and (days or until or (output or "").endswith(".gz")):
        raise UsageError(
            "--live writes what happens from now on, unpacked",
            hint="leave out --days, --until and .gz",
        )
    if burst and wire != "access-log":
        raise UsageError("--burst is for access logs only", hint="add --format access-log")
    if not (bus or output or history):
        raise UsageError(
            "nothing to simulate",
            hint="give --zmq ENDPOINT (a bus), --history PORT (a history service) or -o FILE",
        )
    if output and (bus or history):
        raise UsageError(
            "-o FILE cannot be combined with --zmq, --zmq-connect or --history",
            hint="run simulate twice",
        )
    if output and wire == "msgpack":
        raise UsageError("msgpack cannot be written to a file", hint="use --format fedmsg")
    if wire == "access-log" and not output:
        raise UsageError("an access log can only be written to a file", hint="give -o FILE")
    if until and bus and (history or not days):
        raise UsageError(
            "a live bus takes no --until", hint="give --days as well, and no --history, to replay"
        )


def _write(lines: Iterable[bytes], output: str) -> int:
    """Write lines to a file; return how many."""
    from hubbub.store.disk.files import new_file

    written = 0
    try:
        with contextlib.ExitStack() as stack:
            file: IO[bytes] | gzip.GzipFile
            if output == "-":
                file = sys.stdout.buffer
            else:
                file = stack.enter_context(new_file(Path(output)))
                if output.endswith(".gz"):
                    # without name and time in the header the same seed gives the same bytes
                    file = stack.enter_context(gzip.GzipFile("", "wb", 6, file, mtime=0))
            for line in lines:
                file.write(line + b"\n")
                written += 1
    except (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError) as error:
        raise UsageError(
            f"cannot write: {error.strerror}", where=output, hint="give another -o FILE"
        ) from error
    return written


def _envelopes(traffic: Traffic, start: int, end: int) -> Iterator[bytes]:
    """Return the lines of a file of fedmsg envelopes."""
    from hubbub.testing.simulator.wire import line

    return map(line, traffic.between(start, end))


def _requests(seed: int, start: int, end: int, rate: float, *, burst: bool) -> Iterator[bytes]:
    """Return the lines of an access log."""
    from hubbub.testing.simulator.access_log import lines

    return lines(seed, start // 1_000_000, end // 1_000_000, rate, burst=burst)


def _write_past(
    traffic: Traffic, output: str, wire: str, rate: float, *, past: tuple[int, int], burst: bool
) -> None:
    """Write a file of a part of the past."""
    first, last = past
    if wire == "access-log":
        lines = _requests(traffic.seed, first, last, rate, burst=burst)
    else:
        lines = _envelopes(traffic, first, last)
    written = _write(lines, output)
    noun = "requests" if wire == "access-log" else "messages"
    end = from_micros(last)
    click.echo(f"{written} {noun} in {output}, up to {end:%Y-%m-%d %H:%M} UTC", err=True)


def _write_live(traffic: Traffic, output: str, wire: str, rate: float, *, burst: bool) -> None:
    """Write a file that grows, until stopped."""
    from hubbub.cli.commands.simulation.growing import append_live, timed_messages, timed_requests

    now = time.time()
    if wire == "access-log":
        lines = timed_requests(traffic.seed, rate, now, burst=burst)
    else:
        lines = timed_messages(traffic, now)
    with stop_signal() as stop:
        written = append_live(lines, output, stop)
    noun = "requests" if wire == "access-log" else "messages"
    click.echo(f"{written} {noun} in {output}", err=True)


@common_options
@click.command()
@click.option(
    "--zmq",
    metavar="ENDPOINT",
    help="Simulate a bus at this address, e.g. tcp://127.0.0.1:5555; port * is any free port.",
)
@click.option(
    "--zmq-connect",
    metavar="ENDPOINT",
    help="Simulate a bus that connects to `listen --zmq-bind`.",
)
@click.option("--history", type=click.IntRange(0, 65535), metavar="PORT",
              help="Simulate a history service on 127.0.0.1; 0 is any free port.")  # fmt: skip
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="Write messages to a file (.gz too; - is standard output).",
)
@click.option("--rate", type=click.FloatRange(0, min_open=True), metavar="N",
              help="Messages per second, the same all day; for a replay, its pace.")  # fmt: skip
@click.option("--per-day", type=click.FloatRange(0, min_open=True), metavar="N",
              help="Messages per day, with nights, weekends and bursts. "
              "Default: 60000.")  # fmt: skip
@click.option("--days", type=click.FloatRange(0, min_open=True), metavar="N",
              help="Days of past messages: in the history (default 14) or the file (default 1); "
              "a bus without --history replays them and ends.")  # fmt: skip
@click.option(
    "--until",
    metavar="TIME",
    help="End of the past messages. Default: now; for a file, today 0:00 UTC.",
)
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Seed of the simulated project."
)
@click.option("--format", "wire", type=click.Choice(["fedmsg", "msgpack", "access-log"]),
              default="fedmsg", show_default=True,
              help="Format of messages; access-log: lines of a web server's log.")  # fmt: skip
@click.option("--burst", is_flag=True, help="For an access log: five times the rate in five "
              "minutes of every hour.")  # fmt: skip
@click.option("--live", is_flag=True, help="Append to the file of -o what happens from now on, "
              "each line at its time, until stopped.")  # fmt: skip
@pass_app
def simulate(  # noqa: PLR0917  (click calls it by name)
    app: App, zmq: str | None, zmq_connect: str | None, history: int | None, output: str | None,
    rate: float | None, per_day: float | None, days: float | None, until: str | None, seed: int,
    wire: str, burst: bool, live: bool,  # noqa: FBT001 - as above
) -> None:  # fmt: skip
    """Simulate a realistic bus, history service or file.

    The same --seed and --rate or --per-day give the same messages with the same ids at every
    time, on the bus, in the history and in a file, in one process or in several. One message in
    a hundred is intentionally broken or of an unknown kind.

    \b
    hubbub simulate --zmq tcp://127.0.0.1:5555 --rate 100
    hubbub simulate --history 8080 --days 14 --per-day 2000
    hubbub simulate -o day.jsonl --seed 7
    hubbub simulate -o access.log --format access-log --rate 20 --burst
    hubbub simulate -o access.log --format access-log --rate 20 --live
    """  # noqa: D301  (click wants the control character)
    app.configure_logging()
    endpoint = zmq or zmq_connect
    if zmq and zmq_connect:
        raise UsageError("--zmq and --zmq-connect exclude each other", hint="give one of them")
    _check(
        bus=endpoint is not None,
        history=history is not None,
        output=output,
        days=days is not None,
        until=until is not None,
        wire=wire,
        burst=burst,
        live=live,
    )
    replay = endpoint is not None and history is None and days is not None
    if rate is not None and per_day is not None and not replay:
        raise UsageError("--rate and --per-day exclude each other", hint="give one of them")
    from hubbub.testing.simulator.traffic import PER_DAY, Traffic

    steady = rate is not None and not replay
    traffic = Traffic(seed, rate * 86_400 if rate and steady else per_day or PER_DAY, steady=steady)
    now = datetime.now(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    try:
        end = parse_time(until, now) if until else midnight if output else now
    except ValueError as error:
        raise UsageError(str(error), where="--until") from None
    last = to_micros(end)
    if output:
        each = rate or (per_day or PER_DAY) / 86_400
        if live:
            _write_live(traffic, output, wire, each, burst=burst)
        else:
            past = last - int((days or 1) * _DAY), last
            _write_past(traffic, output, wire, each, past=past, burst=burst)
        return
    clock = (lambda: last) if until else (lambda: time.time_ns() // 1000)
    with contextlib.ExitStack() as stack:
        if history is not None:
            from hubbub.testing.history.server import HistoryServer

            server = HistoryServer(traffic, days=days or 14, port=history, clock=clock)
            stack.enter_context(server)
            click.echo(f"history {server.url}")
        stop = stack.enter_context(stop_signal())
        if endpoint is None:
            stop.wait()
            return
        from hubbub.testing.bus import Bus, play

        bus = Bus(endpoint, connect=zmq_connect is not None, wire=wire)
        stack.callback(lambda: bus.close(hurry=stop.is_set()))
        click.echo(f"bus {bus.endpoint}")
        if replay:
            click.echo("waiting for a reader", err=True)
            bus.wait(stop)
            messages = traffic.between(last - int((days or 1) * _DAY), last)
            sent = play(messages, bus, stop, pace=rate)
        else:
            sent = play(traffic.between(last, _FOREVER), bus, stop, live=True)
        broken = plural(sent.broken, "broken one")
        click.echo(f"published {plural(sent.messages, 'message')} and {broken}")
