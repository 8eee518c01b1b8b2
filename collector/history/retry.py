"""How often and how long to try again.

Comes in: the number of the try that failed and the service's Retry-After. Goes out: seconds to
wait, or None where it is enough.
"""

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
    """Exponential back-off with jitter; a service's own Retry-After wins, up to a cap.

    A service that has never answered is given up sooner: a wrong address should be told within
    seconds, a service that falters in the middle of a long gather deserves minutes.
    """

    tries: int = 8  # of one request, to a service that has answered before
    first_tries: int = 3  # to one that has not
    first_wait: float = 0.5  # seconds; doubles from try to try
    longest_wait: float = 60.0  # seconds
    longest_retry_after: float = 300.0  # seconds; a service that wants longer is asked again then
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    pause: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = field(default=random.random)

    def wait(self, attempt: int, retry_after: str | None, *, known: bool) -> float | None:
        """Seconds to wait after try number `attempt` failed; None: no further try."""
        if attempt >= (self.tries if known else self.first_tries):
            return None
        asked = self._asked(retry_after)
        if asked is not None:
            return min(asked, self.longest_retry_after)
        full = min(self.first_wait * 2.0 ** (attempt - 1), self.longest_wait)
        return full * (0.75 + 0.5 * self.jitter())

    def sleep(self, seconds: float, stopped: threading.Event | None = None) -> None:
        """Wait, but no longer than until `stopped` is set."""
        if stopped is not None and self.pause is time.sleep:
            stopped.wait(seconds)
        else:
            self.pause(seconds)

    def _asked(self, retry_after: str | None) -> float | None:
        """Retry-After in seconds or as an HTTP date; None where it is neither."""
        if not retry_after:
            return None
        text = retry_after.strip()
        if text.isascii() and text.isdigit():
            return float(text[:9])
        try:
            when = email.utils.parsedate_to_datetime(text)
        except ValueError:
            return None
        aware = when if when.tzinfo else when.replace(tzinfo=UTC)
        return max(0.0, (aware - datetime.fromtimestamp(self.now(), UTC)).total_seconds())
