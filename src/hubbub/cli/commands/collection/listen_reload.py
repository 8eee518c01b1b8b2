"""Reload of the configuration by a running `hubbub listen`, on SIGHUP.

Everything is read and checked before anything is changed; after an error the previous settings stay
in force. No message is missed: sockets and spool stay open.
"""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

import msgspec

from hubbub.cli.options.backfill import track_gaps
from hubbub.cli.options.retention import retention_settings
from hubbub.cli.options.trust import max_message, trust_files
from hubbub.collector.listening import systemd
from hubbub.errors import HubbubError
from hubbub.logger import get_logger

if TYPE_CHECKING:
    from hubbub.cli.app import App
    from hubbub.collector.listening.listener import Listener
    from hubbub.config import Config
    from hubbub.live.alerts.delivery.service import NotifyThread
    from hubbub.store import Store
    from hubbub.store.handover.outgoing import SpoolOnly
    from hubbub.store.loader_process import LoaderProcess
    from hubbub.store.policy import RetentionPolicy
    from hubbub.store.spool.writer import SpoolWriter

__all__ = ["Reloader", "changed_keys"]

#: Settings that a running listener cannot change.
_RESTART = (
    "store",
    "mirror.url",
    "mirror.every",
    *(f"listen.{key}" for key in ("zmq", "zmq_bind", "amqp", "amqp_config", "amqp_ca")),
    *(f"listen.{key}" for key in ("amqp_cert", "amqp_key", "metrics_port", "metrics_host")),
)
_log = get_logger("hubbub.reload")


def changed_keys(before: Config, after: Config) -> list[str]:
    """Return the keys whose values differ, as `section.key`."""

    def flatten(config: Config) -> Mapping[str, Any]:
        values: dict[str, Any] = {}
        for key, value in msgspec.structs.asdict(config).items():
            if isinstance(value, msgspec.Struct):
                values |= {f"{key}.{k}": v for k, v in msgspec.structs.asdict(value).items()}
            else:
                values[key] = value
        return values

    new = flatten(after)
    return [key for key, value in flatten(before).items() if value != new[key]]


class Reloader:
    """Reloads a running listener; as a context manager it also tracks gaps.

    Args:
        app: the options, and the configuration as read at the start.
        listener: about to run.
        sink: of the listener; a spool of `store`.
        loader: of the same store.
        store: stays open as long as this context.
        notifier: of the same store; None: nothing is loaded or judged here.
        topics: given on the command line; if empty, the configured ones apply.
        options: of the command.
    """

    def __init__(
        self,
        app: App,
        listener: Listener,
        sink: SpoolWriter,
        loader: LoaderProcess | SpoolOnly,
        store: Store,
        *,
        notifier: NotifyThread | None,
        topics: Sequence[str],
        options: Mapping[str, Any],
    ) -> None:
        self.app, self.listener, self.sink, self.loader = app, listener, sink, loader
        self.store, self.notifier = store, notifier
        self.topics, self.options = topics, dict(options)
        self._requested = False
        self._tracking = ExitStack()
        self._previous_handler: Any = None

    def __enter__(self) -> Self:
        self._track_gaps(self.app)
        self._previous_handler = signal.signal(signal.SIGHUP, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGHUP, self._previous_handler)
        self._tracking.close()

    def _handle(self, _number: int, _frame: object) -> None:
        if sys.stderr.isatty():
            self.listener.stop()  # the terminal was closed; this is not a request to reload
        else:
            self._requested = True

    def tick(self) -> None:
        """Reload if it was requested; called as the listener's `on_tick`."""
        if not self._requested:
            return
        self._requested = False
        systemd.notify("RELOADING=1", "STATUS=reloading the configuration")
        try:
            self._reload()
        except HubbubError as error:
            _log.error(
                "configuration not reloaded, the previous one stays in force",
                why=error.what,
                where=error.where,
                hint=error.hint,
            )
        finally:
            systemd.notify("READY=1", "STATUS=listening")

    def _reload(self) -> None:
        fresh = self.app.reloaded()
        changed = changed_keys(self.app.config, fresh.config)
        trust = trust_files(fresh, self.options)
        largest = max_message(fresh, self.options["max_message"])
        keep = retention_settings(fresh)
        renew = self._renewal(fresh, keep)
        flags = self.store.spool("listen", bodies=fresh.bodies, trust=trust).flags
        if self._gap_settings(fresh) != self._gap_settings(self.app):
            self._restart_tracking(fresh)  # may still fail, and then restores the previous state
        if self._topics(fresh) != self._topics(self.app):
            for receiver in self.listener.receivers:
                receiver.subscribe(self._topics(fresh))
        self.app = fresh
        self.sink.flags = flags
        for receiver in self.listener.receivers:
            receiver.max_message = largest
        renew(fresh.configure_logging(level=logging.INFO))
        _log.info("configuration reloaded, with all files that it names", changed=changed)
        if restart := [key for key in changed if key in _RESTART]:
            hint = "systemctl restart hubbub-listen; nothing that was received is lost"
            _log.warning(
                "changed settings take effect after a restart", settings=restart, hint=hint
            )

    def _renewal(
        self, fresh: App, keep: RetentionPolicy | None
    ) -> Callable[[Callable[[], None]], None]:
        """Check the settings of the loader, and return a function that changes them.

        Its argument configures logging.
        """
        notifier = self.notifier
        if notifier is None:
            return lambda _: None
        from hubbub.live.alerts.delivery.service import notify_settings
        from hubbub.live.alerts.runner import Alerting

        alerting, notify = Alerting.of(fresh.config), notify_settings(fresh.config)

        def renew(prepare: Callable[[], None]) -> None:
            self.loader.renew(fresh.reader_config, keep=keep, prepare=prepare, after=alerting)
            notifier.renew(notify)

        return renew

    def _topics(self, app: App) -> tuple[str, ...]:
        return tuple(self.topics) or app.config.listen.topic

    def _gap_settings(self, app: App) -> tuple[object, ...]:
        """Return the settings that `track_gaps` uses; options take precedence."""
        configured, options = app.config.listen, self.options
        url = None if options["no_backfill"] else options["backfill"] or configured.backfill
        return self._topics(app), url, options["settle"] or configured.settle

    def _track_gaps(self, app: App) -> None:
        tracking = track_gaps(app, self.listener, self._topics(app), **self.options)
        self._tracking.enter_context(tracking)

    def _restart_tracking(self, app: App) -> None:
        self._tracking.close()
        try:
            self._track_gaps(app)
        except HubbubError:
            self._track_gaps(self.app)
            raise
