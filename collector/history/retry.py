"""The retry policy of requests to a history: exponential back-off, Retry-After, limits."""

from __future__ import annotations

import email.utils
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC

__all__ = ["Brake", "RetryPolicy"]

_FASTEST = 0.01  # seconds between requests; a shorter pace is none
_FASTER_AFTER = 20  # answers without a refusal


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential back-off with jitter; a Retry-After header takes precedence, within limits.

    A service that has never answered gets fewer attempts: a wrong address should fail within
    seconds, while a service that falters during a long gather deserves minutes. Waiting as the
    service asks is no failed attempt, unless it answers no request for longer than `patience`.
    """

    attempts: int = 8  # for a request, to a service that has answered before
    first_attempts: int = 3  # to one that has not
    first_delay: float = 0.5  # seconds; doubles with each attempt
    longest_delay: float = 60.0  # seconds
    shortest_retry_after: float = 0.5  # seconds; a shorter Retry-After is extended to this
    longest_retry_after: float = 300.0  # seconds; a longer Retry-After is cut to this
    absurd_retry_after: float = 86_400.0  # seconds; a longer Retry-After is taken for none
    patience: float = 900.0  # seconds of asked waits in a row, without an answer to anybody
    first_patience: float = 180.0  # likewise, of a service that has never answered
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    pause: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = field(default=random.random)

    def delay(self, attempt: int, *, has_answered: bool) -> float | None:
        """Return the seconds to wait after failed attempt number `attempt`; None: give up."""
        if attempt >= (self.attempts if has_answered else self.first_attempts):
            return None
        return self.back_off(attempt)

    def back_off(self, attempt: int) -> float:
        """Return the seconds to wait after attempt number `attempt`, without a limit of them."""
        delay = min(self.first_delay * 2.0 ** min(attempt - 1, 20), self.longest_delay)
        return delay * (0.75 + 0.5 * self.jitter())

    def sleep(self, seconds: float, stopped: threading.Event | None = None) -> None:
        """Wait, at most until `stopped` is set."""
        if stopped is not None and self.pause is time.sleep:
            stopped.wait(seconds)
        else:
            self.pause(seconds)

    def requested(self, retry_after: str | None, date: str | None = None) -> float | None:
        """Return how many seconds a service asks to wait; None if it does not ask sensibly.

        Args:
            retry_after: the header, seconds or an HTTP date.
            date: the answer's own Date header: the service's clock may differ from this machine's.
        """
        if not retry_after:
            return None
        text = retry_after.strip()
        if text.isascii() and text.isdigit():
            seconds = float(text[:12])
        elif (until := _parse_date(text)) is not None:
            now = _parse_date(date.strip()) if date else None
            seconds = until - (self.now() if now is None else now)
        else:
            return None
        if seconds > self.absurd_retry_after:
            return None
        return min(max(seconds, self.shortest_retry_after), self.longest_retry_after)


def _parse_date(text: str) -> float | None:
    """Return an HTTP date in seconds since the epoch; None if it is none."""
    try:
        date = email.utils.parsedate_to_datetime(text)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


class Brake:
    """Holds all threads that ask one service back when it asks one of them to wait.

    After the wait they ask one after another, at the pace that the service has shown to allow: the
    wait it asked for, divided by the answers that it gave before. Answers without a refusal make
    them a little faster again.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._held_until = self._next = float("-inf")  # by the clock
        self._pace = 0.0  # seconds between two requests; 0: any number at once
        self._answers_since = 0  # answers since the last refusal
        self.holds = 0  # how often the service asked to wait
        self.answers = 0  # answers in all

    def reserve(self) -> tuple[float, int]:
        """Take the next turn; return the seconds until it, and the number of holds so far.

        A turn is void if there was another hold when it has come.
        """
        with self._lock:
            now = self._clock()
            turn = max(now, self._held_until, self._next)
            self._next = turn + self._pace
            return turn - now, self.holds

    def hold(self, seconds: float, holds: int) -> None:
        """Hold everybody for as long as the service asked one of them to wait.

        Args:
            seconds: to wait.
            holds: as `reserve` returned it; requests that were sent at the same time as a refused
                one say nothing about the pace.
        """
        with self._lock:
            self._held_until = max(self._held_until, self._clock() + seconds)
            if holds == self.holds:
                allowed = seconds / max(self._answers_since, 1)
                self._pace = min(max(allowed, 1.1 * self._pace), 4 * seconds)
                self._next = self._held_until
                self._answers_since = 0
                self.holds += 1

    def answered(self) -> None:
        """Note an answer."""
        with self._lock:
            self.answers += 1
            self._answers_since += 1
            if self._pace and self._answers_since % _FASTER_AFTER == 0:
                self._pace = 0.9 * self._pace if self._pace > _FASTEST else 0.0
