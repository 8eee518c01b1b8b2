"""`hubbub listen`: receive messages from a bus into the store until stopped."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import click

from hubbub.cli.app import App, common_options, pass_app
from hubbub.cli.installed import require_tables
from hubbub.cli.options.backfill import backfill_options
from hubbub.cli.options.buses import bus_options, live_sources
from hubbub.cli.options.decoding import bodies_option, decoding_options
from hubbub.cli.options.metrics import monitor_options, serve_metrics
from hubbub.cli.options.mirror import mirrored
from hubbub.cli.options.retention import retention_settings
from hubbub.cli.options.trust import max_message, size_option, trust_files, trust_options
from hubbub.errors import UsageError

if TYPE_CHECKING:
    from hubbub.collector.listening.listener import Listener
    from hubbub.live.alerts.delivery.notifier import Notify
    from hubbub.live.alerts.delivery.service import NotifyThread
    from hubbub.live.alerts.runner import Alerting
    from hubbub.store import Store
    from hubbub.store.handover.outgoing import SpoolOnly
    from hubbub.store.loader_process import LoaderProcess

__all__ = ["listen"]

_STOP_TIMEOUT = 4.5  # seconds from the signal to the exit, which is promised within 5
_SAME_SIGNAL = 0.5  # seconds; signals that close together count as one
_MIN_LOADER_TIMEOUT = 0.2  # seconds


@common_options
@click.command(name="listen")
@bus_options
@backfill_options
@monitor_options
@size_option
@trust_options
@bodies_option
@decoding_options
@click.option(
    "--spool-only",
    is_flag=True,
    help="Only receive: keep messages in the spool, for `hubbub load` on another machine.",
)
@pass_app
def listen(
    app: App,
    /,
    topics: tuple[str, ...],
    *,
    spool_only: bool,
    **options: Any,
) -> None:
    """Receive messages from ZeroMQ and AMQP buses and store them, until stopped.

    Logs every minute how many messages were received, stored, refused (with reasons) and wait to be
    loaded. SIGTERM or Ctrl-C ends it within five seconds, with everything safe that was received; a
    second signal ends it at once. Under systemd it reports when it is ready, and notifies the
    watchdog.

    With a CA (--ca, or in the configuration), only messages with a valid fedmsg signature are
    stored; the others are kept as dead letters and counted by reason.

    AMQP messages are acknowledged once they are on the disk, and the broker keeps them until then.
    A broker that cannot be reached is retried until it responds; one that refuses the first
    connection ends the command with exit code 4.

    It records coverage, and gaps where messages may be missing: while it was stopped, not connected
    or too slow, and where a publisher's sequence numbers jump. With --backfill, gaps are filled
    from a history service, and counts are compared until nothing is missing.

    With --metrics-port it serves /healthz and /metrics, to this machine only unless --metrics-host
    is given.

    SIGHUP reloads the configuration and the files that it names, and logs which settings need a
    restart. If the log goes to a terminal, SIGHUP ends the command.

    Meanwhile small files are compacted, and once a day retention deletes what is past its period.

    With --spool-only it only receives: `hubbub load` on the machine that has the store loads the
    messages and the record of gaps; gaps are filled and alert rules evaluated there.
    """
    from hubbub import memory
    from hubbub.cli.commands.collection.listen_reload import Reloader
    from hubbub.collector.listening.listener import Listener

    if spool_only:
        _check_spool_only(app, options)
    else:
        require_tables("hubbub listen --spool-only")
    set_up_logging = app.configure_logging(level=logging.INFO)
    app.check_rules()
    judging = None if spool_only else _judging(app)
    memory.retain_freed()
    trust = trust_files(app, options)
    largest = max_message(app, options["max_message"])
    keep = retention_settings(app)
    sources = live_sources(app, options, topics or app.config.listen.topic, largest)
    with app.store() as store, ExitStack() as stack:
        receivers = [source.receiver(store.state) for source in sources]
        for receiver in receivers:
            stack.callback(receiver.close)
            receiver.open()
        sink = store.spool("listen", bodies=app.bodies, trust=trust)
        listener = Listener(receivers, sink)
        loader: LoaderProcess | SpoolOnly
        notifier: NotifyThread | None = None
        if judging is None:
            from hubbub.store.handover.outgoing import SpoolOnly

            loader = SpoolOnly(store.state.path, store.spool_folder)
        else:
            from hubbub.live.alerts.delivery.service import NotifyThread
            from hubbub.store.loader_process import LoaderProcess

            alerting, notify = judging
            loader = LoaderProcess(
                store.path,
                app.reader_config,
                keep=keep,
                prepare=set_up_logging,
                after=alerting,
            )
            listener.on_minute = _count_loaded(store, listener)
            notifier = stack.enter_context(NotifyThread(store.path, notify))
        reloader = Reloader(
            app,
            listener,
            sink,
            loader,
            store,
            notifier=notifier,
            topics=topics,
            options=options,
        )
        listener.on_tick = reloader.tick
        with _stop_on_signal(listener.stop) as stop_time:
            loader.start()
            try:
                with (
                    mirrored(app, set_up_logging),
                    serve_metrics(app, listener, loader, **options),
                    reloader,
                ):
                    listener.run()
                sink.close()  # seals the segment, so that the loader's last run loads all of it
            finally:  # after an error the segment stays open; the next loader recovers it
                left = _STOP_TIMEOUT - (time.monotonic() - stop_time())
                loader.stop(max(_MIN_LOADER_TIMEOUT, left))


def _judging(app: App) -> tuple[Alerting, Notify | None]:
    """Return what judges alert rules after loading, and the channels of notifications.

    Raises:
        UsageError: a rule or a channel is invalid.
    """
    from hubbub.live.alerts.delivery.service import notify_settings
    from hubbub.live.alerts.runner import Alerting

    return Alerting.of(app.config), notify_settings(app.config)


def _check_spool_only(app: App, options: dict[str, Any]) -> None:
    """Refuse, or say, what a listener that loads nothing cannot do.

    Raises:
        UsageError: gaps cannot be filled here.
    """
    if options["backfill"]:
        raise UsageError(
            "with --spool-only gaps cannot be filled here: what is stored is not known",
            where="--backfill",
            hint="run `hubbub gather` by a timer on the machine that has the store",
        )
    options["no_backfill"] = True
    settings = {"backfill": app.config.listen.backfill, "alerts": app.config.alerts}
    if ignored := [name for name, value in settings.items() if value]:
        click.echo(
            f"warning: --spool-only ignores {' and '.join(ignored)} of the configuration", err=True
        )


@contextmanager
def _stop_on_signal(stop: Callable[[], None]) -> Iterator[Callable[[], float]]:
    """Call `stop` on SIGTERM and SIGINT; exit at once on a later one.

    A signal right after the first is ignored: `timeout` and others signal a process, and then its
    whole group.

    Yields:
        A function that returns the monotonic time of the first signal, or now without one.
    """
    first: list[float] = []

    def handle(number: int, _frame: object) -> None:
        now = time.monotonic()
        if not first:
            first.append(now)
            stop()
        elif now - first[0] >= _SAME_SIGNAL:
            os._exit(128 + number)  # the spool survives a kill at any moment

    signals = (signal.SIGTERM, signal.SIGINT)
    previous = [(number, signal.signal(number, handle)) for number in signals]
    try:
        yield lambda: first[0] if first else time.monotonic()
    finally:
        for number, handler in previous:
            signal.signal(number, handler)


def _count_loaded(store: Store, listener: Listener) -> Callable[[], Mapping[str, Any]]:
    """Return a function that counts what was loaded from these endpoints since its last call.

    That is another number than what was received: messages that an earlier run received, or that
    wait, are loaded at another time.
    """

    def totals() -> dict[tuple[str, str], int]:
        return {
            (source, name): total
            for source in {connection.source for connection in listener.connections}
            for name, total in store.state.counts(source).get(source, {}).items()
        }

    def count() -> Mapping[str, Any]:
        fields = {"loaded_new": 0, "loaded_known": 0}
        unreadable: dict[str, int] = {}
        for (source, name), total in totals().items():
            added = total - before.get((source, name), 0)
            before[source, name] = total
            if name.startswith("refused:"):
                reason = name.removeprefix("refused:")
                if reason in listener.counts().refused:
                    continue  # counted when it was received
                unreadable[reason] = unreadable.get(reason, 0) + added
            else:
                fields[f"loaded_{name}"] = fields.get(f"loaded_{name}", 0) + added
        return fields | {"unreadable": {reason: n for reason, n in unreadable.items() if n}}

    before = totals()
    return count
