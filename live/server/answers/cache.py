"""Encoded answers, kept until the store changes.

An answer depends on the events and on the state: coverage, merged accounts, forgotten names. One
to a request with relative times depends on the time as well, and is kept for seconds only.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING

from hubbub.live.server.failures import HttpError

if TYPE_CHECKING:
    from hubbub.store import Store

__all__ = ["Answer", "AnswerCache", "is_relative"]

_GONE = 499  # status of a request whose client went away
_MAX_BYTES = 64 << 20  # of all kept answers
_MAX_AGE = 10.0  # s for which an answer with relative times is kept
_RELATIVE = re.compile(r"\s*(now|\d+(\.\d+)?\s*[a-z]+)\s*", re.IGNORECASE)
Stamp = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Answer:
    """The bytes of an answer, with what its headers say."""

    body: bytes
    media_type: str
    coverage: str = ""  # complete, healed or unproven; empty: not about events
    private: bool = False  # names people
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def etag(self) -> str:
        """A strong validator: equal bytes of one type have equal ones."""
        digest = blake2b(self.body, digest_size=16, key=self.media_type.encode()[:64])
        return f'"{digest.hexdigest()}"'


def is_relative(parameters: Mapping[str, Sequence[str]]) -> bool:
    """Whether a range counts back from now: `since=7d`, `until=now`."""
    return any(
        _RELATIVE.fullmatch(value)
        for name in ("since", "until", "start", "end")
        for value in parameters.get(name, ())
    )


class AnswerCache:
    """Answers by request, the least recently used dropped first.

    Args:
        store: open in the thread that asks.
    """

    def __init__(self, store: Store, max_bytes: int = _MAX_BYTES) -> None:
        self._store, self._max_bytes, self._bytes = store, max_bytes, 0
        self._pending: dict[Hashable, asyncio.Future[Answer]] = {}
        self.hits = self.misses = 0
        self._kept: OrderedDict[Hashable, tuple[Stamp, float, Answer]] = OrderedDict()

    def stamp(self) -> Stamp:
        """Return a value that changes whenever events or state do.

        The table is not opened: that would hold up the event loop after each commit.

        Raises:
            StoreError: the log of the events is damaged.
        """
        return self._store.table.newest(), self._store.state.data_version()

    def get(self, key: Hashable, stamp: Stamp) -> Answer | None:
        """Return the kept answer, if nothing has changed since."""
        kept = self._kept.get(key)
        if kept is None:
            self.misses += 1
            return None
        kept_stamp, expires, answer = kept
        if kept_stamp != stamp or time.monotonic() >= expires:
            self._drop(key)
            self.misses += 1
            return None
        self.hits += 1
        self._kept.move_to_end(key)
        return answer

    async def once(self, key: Hashable, compute: Callable[[], Awaitable[Answer]]) -> Answer:
        """Compute an answer, or wait for another request that computes the same one.

        Args:
            key: says what is computed, and of which state of the store.
            compute: returns the answer; called once for all that ask meanwhile.

        Raises:
            Exception: what `compute` raises. If its client went away, another one computes it.
        """
        while (pending := self._pending.get(key)) is not None:
            await asyncio.wait([pending])
            if not pending.cancelled():
                return pending.result()
        future = self._pending[key] = asyncio.get_running_loop().create_future()
        try:
            answer = await compute()
        except BaseException as error:
            gone = isinstance(error, HttpError) and error.status == _GONE
            if gone or not isinstance(error, Exception):
                future.cancel()
            else:
                future.set_exception(error)
                future.exception()  # perhaps no other request waits for it
            raise
        else:
            future.set_result(answer)
            return answer
        finally:
            del self._pending[key]

    def put(self, key: Hashable, stamp: Stamp, answer: Answer, *, relative: bool) -> None:
        """Keep an answer that was computed of the state that `stamp` stands for."""
        if len(answer.body) > self._max_bytes // 8:
            return
        self._drop(key)
        expires = time.monotonic() + _MAX_AGE if relative else float("inf")
        self._kept[key] = stamp, expires, answer
        self._bytes += len(answer.body)
        while self._bytes > self._max_bytes:
            self._drop(next(iter(self._kept)))

    @property
    def size(self) -> int:
        """Bytes of the kept answers."""
        return self._bytes

    def clear(self) -> None:
        """Drop everything."""
        self._kept.clear()
        self._bytes = 0

    def _drop(self, key: Hashable) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._bytes -= len(kept[2].body)
