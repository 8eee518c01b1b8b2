"""Sends what is due, as long as it runs, in one process at a time of all that use a store."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubbub.errors import HubbubError
from hubbub.live.alerts.delivery.message import Wording
from hubbub.live.alerts.delivery.outbox import Message, Outbox
from hubbub.live.alerts.delivery.sender import AppriseSender, Sender
from hubbub.logger import get_logger

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hubbub.live.alerts.delivery.channels import Channel
    from hubbub.live.alerts.rules import AlertRule
    from hubbub.store import Store

__all__ = ["Notifier", "Notify"]

_EVERY = 1.0  # s between rounds
_TAKE_OVER = 5.0  # s between attempts to become the process that sends
_RETRY = 10.0  # s after an error of the store
_log = get_logger("hubbub.alerts")


@dataclass(frozen=True, slots=True)
class Notify:
    """What a notifier needs besides the store.

    Attributes:
        channels: by name.
        rules: by name.
        wording: of messages.
    """

    channels: Mapping[str, Channel]
    rules: Mapping[str, AlertRule]
    wording: Wording


class Notifier:
    """Sends notifications.

    Args:
        settings: channels, rules and wording.
        sender: sends a message; by default Apprise in a process of its own.
        clock: returns the time in µs since the epoch.
    """

    def __init__(
        self,
        settings: Notify,
        sender: Sender | None = None,
        clock: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._settings, self._clock = settings, clock
        self._sender = sender or AppriseSender()

    def run(self, folder: Path, stop: threading.Event) -> None:
        """Send what is due until the stop; an error of the store is logged and tried again.

        Args:
            folder: of the store.
            stop: ends it; a message that is being sent is finished.
        """
        from hubbub.store import Store

        try:
            while not stop.is_set():
                try:
                    with Store.open(folder, reading=True) as store:
                        if store.read_only:
                            _log.error("no notifications: this store cannot be written here")
                            return
                        self._serve(store, stop)
                except HubbubError as error:
                    _log.warning("notifications wait", why=error.what, where=error.where)
                stop.wait(_RETRY)
        finally:
            self._sender.close()

    def _serve(self, store: Store, stop: threading.Event) -> None:
        """Wait until no other process sends, and send until the stop."""
        while not stop.is_set():
            with store.lock("notify", wait=False) as held:
                if held:
                    self.recover(store)
                    while not stop.is_set():
                        self.round(store, stop)
                        self._sender.idle()
                        stop.wait(_EVERY)
            stop.wait(_TAKE_OVER)

    def recover(self, store: Store) -> None:
        """Mark what a process that died was sending; the caller holds the lock."""
        if unsure := self._outbox(store).recover():
            _log.warning(
                "notifications may have been sent",
                notifications=unsure,
                why="the process that sent them ended; they are not sent again",
            )

    def round(self, store: Store, stop: threading.Event | None = None) -> int:
        """Send what is due; return how many messages were sent. The caller holds the lock."""
        outbox, sent = self._outbox(store), 0
        refused: set[tuple[str, str, str]] = set()
        for message in outbox.plan(self._clock()):
            if stop is not None and stop.is_set():
                break
            alerts = {
                (message.channel.name, item.change.rule, item.change.subject)
                for item in message.items
            }
            # the end of an alert waits for its beginning
            if alerts.isdisjoint(refused) and outbox.begin(message):
                if self._send(outbox, message):
                    sent += 1
                else:
                    refused |= alerts
        return sent

    def _outbox(self, store: Store) -> Outbox:
        return Outbox(store.state, self._settings.channels, self._settings.rules)

    def _send(self, outbox: Outbox, message: Message) -> bool:
        title, body = self._settings.wording.of(message, self._clock())
        outcome = self._sender.send(message.channel.url, title, body)
        facts = {
            "channel": message.channel.name,
            "alerts": [item.change.number for item in message.items][:20],
        }
        if outcome.state == "sent":
            outbox.sent(message, self._clock())
            _log.info("notification sent", **facts)
            return True
        if outcome.state == "unsure":
            outbox.unsure(message, outcome.why)
            _log.warning("notification may have been sent", why=outcome.why, **facts)
        elif outbox.refused(message, outcome.why, self._clock()) == "failed":
            _log.error("notification given up", why=outcome.why, **facts)
        else:
            _log.warning("notification not sent, will be retried", why=outcome.why, **facts)
        return False
