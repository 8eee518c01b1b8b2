"""SIGHUP: a running `hubbub listen` reads its configuration again.

Everything is read and checked before anything is changed; where something is wrong, all stays as it
was. Not a message is missed meanwhile: sockets and spool stay open.
"""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

import msgspec
import structlog

from hubbub.cli.options.backfill import track_gaps
from hubbub.cli.options.retention import retention_settings
from hubbub.cli.options.trust import max_message, trust_files
from hubbub.collector.bus import systemd
from hubbub.errors import HubbubError

if TYPE_CHECKING:
    from hubbub.cli.app import App
    from hubbub.collector.bus.listener import Listener
    from hubbub.config import Config
    from hubbub.store import Store
    from hubbub.store.loader_process import LoaderProcess
    from hubbub.store.spool.writer import SpoolWriter

__all__ = ["Reloader", "changed_keys"]

#: What a running listener cannot change.
_RESTART = ("store", "listen.zmq", "listen.zmq_bind", "listen.metrics_port", "listen.metrics_host")
_log = structlog.get_logger("hubbub.reload")


def changed_keys(before: Config, after: Config) -> list[str]:
    """The keys whose values differ, as `section.key`."""

    def flat(config: Config) -> Mapping[str, Any]:
        found: dict[str, Any] = {}
        for key, value in msgspec.structs.asdict(config).items():
            if isinstance(value, msgspec.Struct):
                found |= {f"{key}.{k}": v for k, v in msgspec.structs.asdict(value).items()}
            else:
                found[key] = value
        return found

    new = flat(after)
    return [key for key, value in flat(before).items() if value != new[key]]


class Reloader:
    """The parts of a running listener that can change; while it is entered, gaps are watched.

    Args:
        app: the options, and the configuration as it was read at the start.
        listener: running, or about to.
        sink: of the listener; made by `store`.
        loader: of the same store.
        store: open as long as this is.
        stated: topics of the command line; none: the configuration's.
        options: of the command, for whatever reads them.
    """

    def __init__(
        self,
        app: App,
        listener: Listener,
        sink: SpoolWriter,
        loader: LoaderProcess,
        store: Store,
        *,
        stated: Sequence[str],
        options: Mapping[str, Any],
    ) -> None:
        self.app, self.listener, self.sink, self.loader = app, listener, sink, loader
        self.store, self.stated, self.options = store, stated, dict(options)
        self._asked = False
        self._watch = ExitStack()
        self._before: Any = None

    def __enter__(self) -> Self:
        self._begin(self.app)
        self._before = signal.signal(signal.SIGHUP, self._hear)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGHUP, self._before)
        self._watch.close()

    def _hear(self, _number: int, _frame: object) -> None:
        if sys.stderr.isatty():
            self.listener.stop()  # nobody asks for a reload: the terminal is gone
        else:
            self._asked = True

    def tick(self) -> None:
        """Do what was asked for; for the listener's `on_tick`."""
        if not self._asked:
            return
        self._asked = False
        systemd.notify("RELOADING=1", "STATUS=reading the configuration again")
        try:
            self._reload()
        except HubbubError as error:
            _log.error(
                "the configuration is not reloaded, the one before holds",
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
        kept = retention_settings(fresh)
        flags = self.store.spool("listen", bodies=fresh.bodies, trust=trust).flags
        if self._watched(fresh) != self._watched(self.app):
            self._watch_anew(fresh)  # this can still fail, and then puts back what was
        if self._topics(fresh) != self._topics(self.app):
            self.listener.receiver.subscribe(self._topics(fresh))
        self.app = fresh
        self.sink.flags = flags
        self.listener.receiver.max_message = largest
        self.loader.renew(
            fresh.understanding, keep=kept, prepare=fresh.configure_logging(level=logging.INFO)
        )
        _log.info("the configuration is reloaded, and every file that it names", changed=changed)
        later = [key for key in changed if key in _RESTART]
        if later:
            hint = "systemctl restart hubbub-listen; nothing that was received is lost"
            _log.warning("this takes effect after a restart", settings=later, hint=hint)

    def _topics(self, app: App) -> tuple[str, ...]:
        return tuple(self.stated) or app.config.listen.topic

    def _watched(self, app: App) -> tuple[object, ...]:
        """What `watching` goes by; an option wins over the configuration."""
        given, options = app.config.listen, self.options
        url = None if options["no_backfill"] else options["backfill"] or given.backfill
        return self._topics(app), url, options["settle"] or given.settle

    def _begin(self, app: App) -> None:
        self._watch.enter_context(track_gaps(app, self.listener, self._topics(app), **self.options))

    def _watch_anew(self, app: App) -> None:
        self._watch.close()
        try:
            self._begin(app)
        except HubbubError:
            self._begin(self.app)
            raise
