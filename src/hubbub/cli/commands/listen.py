"""`hubbub listen`: a bus into the store, until told to stop."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from hubbub.cli.app import App, common_options, pass_app
from hubbub.cli.options.backfill import backfill_options
from hubbub.cli.options.metrics import monitor_options, serve_metrics
from hubbub.cli.options.reading import bodies_option, reading_options
from hubbub.cli.options.retention import retention_settings
from hubbub.cli.options.trust import max_message, size_option, trust_files, trust_options

if TYPE_CHECKING:
    from hubbub.collector.bus.receiver import Receiver
    from hubbub.store import Store

__all__ = ["listen"]

_END = 4.5  # s from the signal to our own exit; systemd and people lose patience after 5
_SAME = 0.5  # s; signals so close together are one
_LEAST = 0.2  # s that a loader always gets


@common_options
@click.command(name="listen")
@click.option(
    "connect",
    "--zmq",
    multiple=True,
    metavar="ENDPOINT",
    help="A publisher to connect to, e.g. tcp://bus.example.org:9940; repeatable.",
)
@click.option(
    "bind",
    "--zmq-bind",
    multiple=True,
    metavar="ENDPOINT",
    help="An address that publishers connect to, e.g. tcp://127.0.0.1:9941; repeatable.",
)
@click.option(
    "topics",
    "--topic",
    multiple=True,
    metavar="PREFIX",
    help="Only topics that start so, e.g. org.fedoraproject.prod.; repeatable.",
)
@backfill_options
@monitor_options
@size_option
@trust_options
@bodies_option
@reading_options
@pass_app
def listen(
    app: App,
    /,
    connect: tuple[str, ...],
    bind: tuple[str, ...],
    topics: tuple[str, ...],
    **options: Any,
) -> None:
    """Hear a ZeroMQ bus and store what it says, until told to stop.

    Says every minute how many messages came, were stored, were refused and why, and wait. SIGTERM
    or Ctrl-C ends it within five seconds with everything safe that was received; a second one ends
    it at once. Under systemd it says when it is ready, and feeds the watchdog.

    Where there is a CA (--ca, or the configuration), only messages that are signed as fedmsg signs
    them are stored; the others are dead letters, counted by reason.

    It writes down what it heard and where messages may be missing: while it was stopped, not
    connected, or too slow, and where a publisher's numbers jump. With --backfill these gaps are
    filled from history, and the counts of both are compared until nothing is missing.

    With --metrics-port it answers /healthz and /metrics, to this machine alone unless
    --metrics-host says otherwise.

    SIGHUP reads the configuration and the files that it names again; what cannot change without a
    restart is said. Where the log goes to a terminal, SIGHUP is its end, and ours.

    Small files are compacted meanwhile, and once a day what is older than the configuration's
    `[retention]` says goes.
    """
    from hubbub import memory
    from hubbub.cli.commands.listen_reload import Reloader
    from hubbub.collector.bus.listener import Listener
    from hubbub.collector.bus.receiver import Receiver
    from hubbub.store.loader_process import LoaderProcess

    logs = app.configure_logging(level=logging.INFO)
    app.check_rules()
    memory.retain_freed()
    given = app.config.listen
    if not connect and not bind:
        connect, bind = given.zmq, given.zmq_bind
    trust = trust_files(app, options)
    largest = max_message(app, options["max_message"])
    stated, topics = topics, topics or given.topic
    kept = retention_settings(app)
    receiver = Receiver(connect, bind, topics, max_message=largest)
    with app.store() as store, receiver:
        loader = LoaderProcess(store.path, app.understanding, keep=kept, prepare=logs)
        sink = store.spool("listen", bodies=app.bodies, trust=trust)
        listener = Listener(receiver, sink, on_minute=_loaded(store, receiver))
        reloading = Reloader(app, listener, sink, loader, store, stated=stated, options=options)
        listener.on_tick = reloading.tick
        with _signals(listener.stop) as stopped:
            loader.start()
            try:
                with serve_metrics(app, listener, loader, **options), reloading:
                    listener.run()
                sink.close()  # sealed: the loader's last run takes all of it
            finally:  # after an error the segment stays open, and a loader finds it as it is
                loader.stop(max(_LEAST, _END - (time.monotonic() - stopped())))


@contextmanager
def _signals(stop: Callable[[], None]) -> Iterator[Callable[[], float]]:
    """SIGTERM and SIGINT stop; a later one exits at once. Gives when the first came, else now.

    One that comes with the first is no second wish: `timeout` and others signal a process, and then
    its whole group.
    """
    first: list[float] = []

    def hear(number: int, _frame: object) -> None:
        now = time.monotonic()
        if not first:
            first.append(now)
            stop()
        elif now - first[0] >= _SAME:
            os._exit(128 + number)  # the spool is safe whenever we die

    before = [(number, signal.signal(number, hear)) for number in (signal.SIGTERM, signal.SIGINT)]
    try:
        yield lambda: first[0] if first else time.monotonic()
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def _loaded(store: Store, receiver: Receiver) -> Callable[[], Mapping[str, Any]]:
    """What the loader did with our messages since it was asked last."""
    before: dict[tuple[str, str], int] = {}

    def now() -> dict[tuple[str, str], int]:
        return {
            (endpoint.source, name): n
            for endpoint in receiver.endpoints
            for name, n in store.state.counts(endpoint.source).get(endpoint.source, {}).items()
        }

    def since() -> Mapping[str, Any]:
        fields: dict[str, Any] = {"new": 0, "known": 0}
        unreadable: dict[str, int] = {}
        for key, n in now().items():
            more = n - before.get(key, 0)
            before[key] = n
            if key[1].startswith("refused:"):
                reason = key[1].removeprefix("refused:")
                if reason in receiver.refused:
                    continue  # counted when it came
                unreadable[reason] = unreadable.get(reason, 0) + more
            else:
                fields[key[1]] = fields.get(key[1], 0) + more
        return fields | {"unreadable": {k: n for k, n in unreadable.items() if n}}

    before.update(now())
    return since
