"""The retry policy of requests to a history: exponential back-off, Retry-After, limits."""

from __future__ import annotations

import email.utils
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

__all__ = ["RetryPolicy"]


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential back-off with jitter; a Retry-After header takes precedence, up to a limit.

    A service that has never answered gets fewer attempts: a wrong address should fail within
    seconds, while a service that falters during a long gather deserves minutes.
    """

    attempts: int = 8  # for a request, to a service that has answered before
    first_attempts: int = 3  # to one that has not
    first_delay: float = 0.5  # seconds; doubles with each attempt
    longest_delay: float = 60.0  # seconds
    longest_retry_after: float = 300.0  # seconds; a longer Retry-After is cut to this
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    pause: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = field(default=random.random)

    def delay(self, attempt: int, retry_after: str | None, *, has_answered: bool) -> float | None:
        """Return the seconds to wait after failed attempt number `attempt`; None: give up."""
        if attempt >= (self.attempts if has_answered else self.first_attempts):
            return None
        requested = self._parse_retry_after(retry_after)
        if requested is not None:
            return min(requested, self.longest_retry_after)
        delay = min(self.first_delay * 2.0 ** (attempt - 1), self.longest_delay)
        return delay * (0.75 + 0.5 * self.jitter())

    def sleep(self, seconds: float, stopped: threading.Event | None = None) -> None:
        """Wait, at most until `stopped` is set."""
        if stopped is not None and self.pause is time.sleep:
            stopped.wait(seconds)
        else:
            self.pause(seconds)

    def _parse_retry_after(self, header: str | None) -> float | None:
        """Return Retry-After, seconds or an HTTP date, in seconds; None if it is neither."""
        if not header:
            return None
        text = header.strip()
        if text.isascii() and text.isdigit():
            return float(text[:9])
        try:
            date = email.utils.parsedate_to_datetime(text)
        except ValueError:
            return None
        aware = date if date.tzinfo else date.replace(tzinfo=UTC)
        return max(0.0, (aware - datetime.fromtimestamp(self.now(), UTC)).total_seconds())
