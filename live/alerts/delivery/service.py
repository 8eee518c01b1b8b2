"""Notifications as a part of a process: of a listener, a server, or a run of jobs."""

from __future__ import annotations

import asyncio
import re
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hubbub.closeable import Closeable
from hubbub.errors import SourceError, UsageError
from hubbub.live.alerts.delivery.channels import read_channels
from hubbub.live.alerts.delivery.message import Wording
from hubbub.live.alerts.delivery.notifier import Notifier, Notify
from hubbub.live.alerts.delivery.sender import AppriseSender, require_apprise
from hubbub.live.alerts.rules import read_rules
from hubbub.zones import UNIVERSAL, find

if TYPE_CHECKING:
    from pathlib import Path

    from hubbub.config import Config
    from hubbub.store import Store

__all__ = [
    "Notifications",
    "NotifyThread",
    "channel_problems",
    "notify_settings",
    "public_address",
    "send_once",
    "send_test",
]

_STOP = 3.0  # s for a message that is being sent; after that it counts as perhaps sent
_PRINTABLE = re.compile(r"[!-~]+")


def public_address(config: Config) -> str:
    """Return the address of the server for links, without a slash at its end.

    Raises:
        UsageError: `serve.public_url` is no address.
    """
    serve = config.serve
    if serve.public_url is None:
        host = f"[{serve.host}]" if ":" in serve.host else serve.host
        return f"http://{host}:{serve.port}{serve.root_path.rstrip('/')}"
    parts = urlsplit(serve.public_url) if _PRINTABLE.fullmatch(serve.public_url) else None
    if parts is None or parts.scheme not in {"http", "https"} or not parts.netloc or parts.query:
        raise UsageError(
            "serve.public_url is no address", hint='write "https://stats.example.org/hubbub"'
        )
    return serve.public_url.rstrip("/")


def notify_settings(config: Config) -> Notify | None:
    """Return what notifications need; None where no channel is configured.

    Raises:
        UsageError: a channel or a rule is not valid, a rule names a channel that does not exist, or
            Apprise is not installed.
    """
    rules, channels = read_rules(config.alerts), read_channels(config.notify)
    for rule in rules:
        if unknown := sorted({*rule.notify} - {*channels}):
            raise UsageError(
                f"there is no channel {unknown[0]!r}",
                where=f"[[alerts]] {rule.name!r} notify",
                hint=f"there are: {', '.join(channels)}" if channels else "add it to [notify]",
            )
    if not channels:
        return None
    require_apprise()
    zone = UNIVERSAL if config.project.timezone is None else find(config.project.timezone)
    return Notify(
        channels, {rule.name: rule for rule in rules}, Wording(public_address(config), zone)
    )


class NotifyThread(Closeable):
    """Sends notifications in a thread; none runs where no channel is configured.

    Args:
        folder: of the store.
        settings: from `notify_settings`.
    """

    def __init__(self, folder: Path, settings: Notify | None) -> None:
        self._folder, self._stop = folder, threading.Event()
        self._thread: threading.Thread | None = None
        self.renew(settings)

    def renew(self, settings: Notify | None) -> None:
        """Go on with other settings."""
        self.close()
        if settings is not None:
            self._stop = threading.Event()
            self._thread = threading.Thread(
                target=Notifier(settings).run,
                args=(self._folder, self._stop),
                name="notify",
                daemon=True,
            )
            self._thread.start()

    def close(self) -> None:
        """Stop; a message that is being sent has some seconds."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(_STOP)
            self._thread = None


class Notifications:
    """Notifications as a service of a server.

    Args:
        folder: of the store.
        settings: from `notify_settings`.
    """

    def __init__(self, folder: Path, settings: Notify | None) -> None:
        self._folder, self._settings = folder, settings
        self._thread: NotifyThread | None = None

    async def start(self) -> None:
        """Start the thread."""
        self._thread = NotifyThread(self._folder, self._settings)

    async def stop(self) -> None:
        """Stop the thread."""
        if self._thread is not None:
            await asyncio.to_thread(self._thread.close)


def send_once(store: Store, config: Config) -> int:
    """Send what is due now, unless another process sends; return the number of messages.

    Raises:
        HubbubError: as `notify_settings`, or the store cannot be written.
    """
    settings = notify_settings(config)
    if settings is None:
        return 0
    with AppriseSender() as sender, store.lock("notify", wait=False) as held:
        if not held:
            return 0
        notifier = Notifier(settings, sender)
        notifier.recover(store)
        return notifier.round(store)


def channel_problems(settings: Notify) -> list[str]:
    """Return why messages to a channel would not arrive, as far as it is known without sending."""
    with AppriseSender() as sender:
        checked = {name: sender.check(each.url) for name, each in settings.channels.items()}
    problems = [
        f"channel {name}: {outcome.why}"
        for name, outcome in checked.items()
        if outcome.state != "sent"
    ]
    for rule in settings.rules.values():
        others = [name for name in rule.notify if settings.channels[name].person is None]
        if rule.private and others:
            problems.append(
                f"rule {rule.name}: it is private, so nothing is sent to {', '.join(others)}; "
                "channels with `person` get what is about this person"
            )
    return problems


def send_test(settings: Notify, name: str) -> None:
    """Send a message to a channel, to try it.

    Raises:
        UsageError: there is no such channel.
        SourceError: it was not sent, or perhaps not.
    """
    channel = settings.channels.get(name)
    if channel is None:
        known = ", ".join(settings.channels)
        raise UsageError(f"there is no channel {name!r}", hint=f"there are: {known}")
    text = f"This is a test of the channel {name}.\nAlerts: {settings.wording.address}/alerts"
    with AppriseSender() as sender:
        outcome = sender.send(channel.url, "Test of hubbub", text)
    if outcome.state != "sent":
        what = "was not sent" if outcome.state == "refused" else "may not have been sent"
        raise SourceError(f"the message {what}: {outcome.why}", where=f"channel {name}")
