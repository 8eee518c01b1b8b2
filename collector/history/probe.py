"""Try a history service: ask for its newest message, and compare its clock with ours."""

from __future__ import annotations

import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import requests

from hubbub.collector.history.client import History

__all__ = ["HistoryFacts", "probe"]

_HOUR = 3600  # s
_TIMEOUT = 10.0  # s


@dataclass(frozen=True, slots=True)
class HistoryFacts:
    """What a history service said."""

    messages: int  # of the last hour, by its own count
    clock: float | None  # s; how far our clock is ahead of the service's; None: not stated


def probe(url: str) -> HistoryFacts:
    """Ask a history service for the messages of the last hour.

    Raises:
        UsageError: the URL is not valid.
        SourceError: the service cannot be reached, or its response is not history.
    """
    history = History(url, timeout=_TIMEOUT)
    try:
        now = int(time.time())
        page = history.window(now - _HOUR, now, rows=1)
    finally:
        history.close()
    return HistoryFacts(page.total, _clock(history.url))


def _clock(url: str) -> float | None:
    try:
        before = time.time()
        stated = requests.head(url, timeout=_TIMEOUT, allow_redirects=False).headers.get("Date")
        after = time.time()
        if stated is None:
            return None
        theirs = parsedate_to_datetime(stated).timestamp()
    except (requests.RequestException, ValueError):  # it answered before; only the clock is unknown
        return None
    # The service states whole seconds, at some time between asking and hearing it.
    return max(0.0, before - theirs - 1.0) or min(0.0, after - theirs)
