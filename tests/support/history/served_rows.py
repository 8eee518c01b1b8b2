"""The simulated history service, with rows that a test gives it."""

from __future__ import annotations

import json
import math
from bisect import bisect_left
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from unittest import mock

from hubbub.testing.history import server
from hubbub.testing.history.archive import Archive
from hubbub.testing.history.request import Filters
from hubbub.testing.simulator.message import SimMessage
from hubbub.testing.simulator.traffic import Traffic

__all__ = ["RowServer", "row"]


def row(identity: Any, seconds: float, topic: str, body: Any, **headers: Any) -> bytes:
    """Return a row of `/v2/search`."""
    sent = datetime.fromtimestamp(int(seconds), UTC).isoformat()
    fields = {
        "id": identity, "topic": topic, "headers": {"sent-at": sent, **headers}, "body": body,
        "priority": 0, "queue": None,
    }  # fmt: skip
    return json.dumps(fields).encode()


class _Rows(Archive):
    """Rows in the order of their times."""

    def __init__(self) -> None:
        self.rows: list[SimMessage] = []

    def select(
        self,
        start: float | None,
        end: float | None,
        filters: Filters,
        *,
        descending: bool,
        offset: int,
        limit: int | None,
    ) -> tuple[int, list[SimMessage]]:
        """See `Archive.select`; there are no filters."""
        assert filters == Filters()
        first, last = 0, len(self.rows)
        if start is not None:
            first = bisect_left(self.rows, math.ceil(start * 1e6), key=lambda m: m.at)
        if end is not None:
            last = bisect_left(self.rows, (int(end) + 1) * 1_000_000, key=lambda m: m.at)
        selected = self.rows[first:last]
        found = [m for m in (selected[::-1] if descending else selected) if m.broken]
        return len(selected), found[offset:][:limit]


class RowServer(server.HistoryServer):
    """A history service that returns rows as they are given."""

    def __init__(self) -> None:
        self._patch = mock.patch.object(server, "search_row", lambda message: message.broken)
        self._patch.start()
        super().__init__(Traffic())
        self.archive = self._rows = _Rows()

    def add(self, rows: Iterable[tuple[float, bytes]]) -> None:
        """Add rows with their times, seconds since the epoch.

        An empty row is counted and never returned.
        """
        added = [
            SimMessage("", int(when * 1e6), "", "", 0, {}, (), (), body) for when, body in rows
        ]
        self._rows.rows = sorted([*self._rows.rows, *added], key=lambda message: message.at)

    def close(self) -> None:
        """Stop serving."""
        super().close()
        self._patch.stop()
