"""Coverage tracking and healing of gaps by `hubbub listen`: options and set-up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

import click

from hubbub.collector.history.filters import Filters
from hubbub.collector.topics import split_topic
from hubbub.errors import UsageError
from hubbub.times import parse_duration

if TYPE_CHECKING:
    from hubbub.cli.app import App
    from hubbub.collector.gaps.healer import Healer
    from hubbub.collector.listening.listener import Listener
    from hubbub.store import Store

__all__ = ["backfill_options", "categories", "track_gaps"]

C = TypeVar("C", bound=Callable[..., Any])
_STOP_TIMEOUT = 0.8  # seconds for each of the two threads
_in_use: list[ExitStack] = []


def backfill_options(command: C) -> C:
    """`--backfill URL`, `--no-backfill` and `--settle`."""
    for option in (
        click.option(
            "--settle",
            metavar="DURATION",
            help="How late rows may appear in the history. [default: 10m]",
        ),
        click.option("--no-backfill", is_flag=True, help="Do not fill gaps, even if configured."),
        click.option(
            "--backfill",
            metavar="URL",
            help="History service to fill gaps from and to prove completeness with.",
        ),
    ):
        command = option(command)
    return command


def categories(topics: Sequence[str]) -> tuple[str, ...] | None:
    """Return the categories that topic prefixes are limited to; None: not to whole categories."""
    names = set()
    for topic in topics:
        name, rest = split_topic(topic)
        if rest is None or not name:
            return None
        names.add(name)
    return tuple(sorted(names))


@contextmanager
def track_gaps(
    app: App, listener: Listener, topics: Sequence[str], **options: Any
) -> Iterator[None]:
    """Record coverage and gaps while the block runs; with a history service, fill the gaps.

    The threads open the store separately, so that a disk that hangs does not block the listener.

    Raises:
        UsageError: options contradict each other, or the URL is invalid.
        StoreError: the ledger cannot be read.
    """
    from hubbub.collector.gaps.detector import GapDetector

    with ExitStack() as stack:
        store = stack.enter_context(app.store())
        healer = _healer(app, store, listener, topics, stack, options=options)
        gaps = GapDetector(
            listener.connections,
            listener.counts,
            store.state,
            filters=_filters(topics),
            beat=lambda: listener.beat,
            standstills=listener.standstills,
        )
        gaps.start()
        if healer is not None:
            healer.start()
        try:
            yield
        finally:
            stopped = gaps.stop(_STOP_TIMEOUT)
            if not ((healer is None or healer.stop(_STOP_TIMEOUT)) and stopped):
                # A thread still uses the store: leave it open until the process ends. Its context
                # is kept, since it would close the store when it is collected.
                _in_use.append(stack.pop_all())


def _filters(topics: Sequence[str]) -> str:
    """Return the ledger's key for the coverage of these topic prefixes."""
    names = categories(topics)
    if names is None:
        return urlencode([("prefix", topic) for topic in topics])
    return Filters(names).key


def _healer(
    app: App,
    store: Store,
    listener: Listener,
    topics: Sequence[str],
    stack: ExitStack,
    *,
    options: dict[str, Any],
) -> Healer | None:
    url = None if options["no_backfill"] else options["backfill"] or app.config.listen.backfill
    if not url:
        return None
    from hubbub.collector.gaps.healer import Healer
    from hubbub.collector.history.client import History
    from hubbub.collector.history.gather import SETTLE
    from hubbub.store.loader.progress import LoadProgress

    names = categories(topics)
    if names is None:
        raise UsageError(
            "a history service can only be queried for whole categories, not for these topics",
            where=f"--topic {' '.join(topics)}",
            hint="write org.fedoraproject.prod.git., listen to all topics, or use --no-backfill",
        )
    settle = _settle(options["settle"] or app.config.listen.settle)
    history = History(url)
    stack.callback(history.close)
    return Healer(
        history,
        stack.enter_context(store.spool("heal", bodies=app.bodies)),
        store.state,
        LoadProgress(store.state, store.spool_folder),
        [connection.source for connection in listener.connections],
        categories=names,
        settle=settle or SETTLE,
    )


def _settle(text: str | None) -> timedelta | None:
    if text is None:
        return None
    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(str(error), where="--settle") from None
