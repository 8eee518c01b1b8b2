"""What `hubbub listen` knows about its own gaps, and how it heals them: options and wiring."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

import click

from hubbub.collector.history.filters import Filters
from hubbub.errors import UsageError
from hubbub.times import parse_duration

if TYPE_CHECKING:
    from hubbub.cli.app import App
    from hubbub.collector.bus.listener import Listener
    from hubbub.collector.gaps.healer import Healer
    from hubbub.store import Store

__all__ = ["backfill_options", "categories", "watching"]

C = TypeVar("C", bound=Callable[..., Any])
_CATEGORY = 3  # org.fedoraproject.prod.CATEGORY.…
_END = 0.8  # s that each of the two threads gets at the end


def backfill_options(command: C) -> C:
    """`--backfill URL`, `--no-backfill` and `--settle`."""
    for option in (
        click.option(
            "--settle",
            metavar="DURATION",
            help="How late rows may come into the history. [default: 10m]",
        ),
        click.option("--no-backfill", is_flag=True, help="Heal nothing, whatever is configured."),
        click.option(
            "--backfill",
            metavar="URL",
            help="The history service that fills gaps and proves that nothing is missing.",
        ),
    ):
        command = option(command)
    return command


def categories(topics: Sequence[str]) -> tuple[str, ...] | None:
    """The categories that these prefixes are limited to; None: one names no whole category."""
    found = set()
    for topic in topics:
        parts = topic.split(".")
        if len(parts) <= _CATEGORY + 1 or not parts[_CATEGORY]:
            return None
        found.add(parts[_CATEGORY])
    return tuple(sorted(found))


@contextmanager
def watching(app: App, listener: Listener, topics: Sequence[str], **options: Any) -> Iterator[None]:
    """Note what is heard and what is missed while the block runs; heal it where there is a history.

    The threads have a store of their own, so that a disk that does not answer holds up nobody else.

    Raises:
        UsageError: options that go not together, or a URL that is none.
        StoreError: the ledger cannot be read.
    """
    from hubbub.collector.gaps.detector import GapDetector

    with ExitStack() as stack:
        beside = stack.enter_context(app.store())
        healer = _healer(app, beside, listener, topics, stack, options=options)
        gaps = GapDetector(
            listener.receiver.endpoints, listener.counts, beside.state, filters=_filters(topics)
        )
        gaps.start()
        if healer is not None:
            healer.start()
        try:
            yield
        finally:
            ended = gaps.stop(_END)
            if not ((healer is None or healer.stop(_END)) and ended):
                stack.pop_all()  # a thread still uses the store; the end of the process ends both


def _filters(topics: Sequence[str]) -> str:
    """Under which the ledger keeps what a listener hears that is limited to these prefixes."""
    named = categories(topics)
    return urlencode([("prefix", one) for one in topics]) if named is None else Filters(named).key


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

    named = categories(topics)
    if named is None:
        raise UsageError(
            "history can be asked for whole categories, and these topics are not such",
            where=f"--topic {' '.join(topics)}",
            hint="write org.fedoraproject.prod.git. or listen to everything; or --no-backfill",
        )
    settle = _settle(options["settle"] or app.config.listen.settle)
    history = History(url)
    stack.callback(history.close)
    return Healer(
        history,
        stack.enter_context(store.spool("heal", bodies=app.bodies)),
        store.state,
        LoadProgress(store.state, store.spool_folder),
        [endpoint.source for endpoint in listener.receiver.endpoints],
        categories=named,
        settle=settle or SETTLE,
    )


def _settle(text: str | None) -> timedelta | None:
    if text is None:
        return None
    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(str(error), where="--settle") from None
