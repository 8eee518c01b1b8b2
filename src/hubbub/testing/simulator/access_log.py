"""Generate the access log of a community's web site, in the common log format.

Lines depend only on seed, rate and second, not on the range requested. About 0.3 % of the lines
are truncated, as when a server is killed.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import accumulate

__all__ = ["BURST", "lines"]

#: Factor by which a burst raises the rate.
BURST = 5
_BURST_SECONDS = 300  # of every hour
_HOUR = 3600  # s
_TRUNCATED = 0.003  # share of lines

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SECTIONS = ("wiki", "docs", "packages", "static", "updates", "accounts", "blog", "ask", "badges")
_PAGES = (
    "",
    "index.html",
    "search?q=kernel",
    "recent",
    "start/",
    "images/logo.png",
    "a/b/c/d.html",
)
_ROOTS = ("/", "/index.html", "/robots.txt", "/favicon.ico")
_METHODS, _METHOD_WEIGHTS = ("GET", "HEAD", "POST", "PUT"), (88, 5, 6, 1)
_STATUSES, _STATUS_WEIGHTS = (200, 301, 304, 404, 500), (82, 5, 8, 4, 1)
_USERS = ("ana", "bola", "chen", "dirk", "eva", "farid", "gita")
_SIGNED_IN = 0.2  # share of requests with a user
#: Zipf's law with exponent 1: the first section gets most requests.
_WEIGHTS = tuple(accumulate(1 / rank for rank in range(1, len(_SECTIONS) + 1)))


def lines(seed: int, start: int, end: int, rate: float, *, burst: bool = False) -> Iterator[bytes]:
    """Yield log lines without newlines, oldest first.

    Args:
        seed: different seeds give different logs.
        start: the first second, since the epoch.
        end: the second after the last.
        rate: mean number of requests per second, the same at every hour.
        burst: multiply the rate by `BURST` during five minutes of every hour.
    """
    for second in range(start, end):
        rng = random.Random(f"{seed} {second}")
        time = datetime.fromtimestamp(second, UTC)
        stamp = f"{time:%d}/{_MONTHS[time.month - 1]}/{time:%Y:%H:%M:%S} +0000"
        mean = rate * BURST if burst and _in_burst(seed, second) else rate
        for _ in range(_poisson(rng, mean)):
            yield _line(rng, stamp)


def _in_burst(seed: int, second: int) -> bool:
    hour, offset = divmod(second, _HOUR)
    begin = random.Random(f"{seed} burst {hour}").randrange(_HOUR - _BURST_SECONDS)
    return begin <= offset < begin + _BURST_SECONDS


def _poisson(rng: random.Random, mean: float) -> int:
    """Draw from a Poisson distribution, approximated by a normal one for large means."""
    if mean > 50:  # noqa: PLR2004 - the exact method needs about `mean` steps
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    number, product, limit = 0, rng.random(), math.exp(-mean)
    while product > limit:
        number, product = number + 1, product * rng.random()
    return number


def _line(rng: random.Random, stamp: str) -> bytes:
    host = f"10.{rng.randrange(4)}.{rng.randrange(256)}.{rng.randrange(1, 255)}"
    user = rng.choice(_USERS) if rng.random() < _SIGNED_IN else "-"
    (method,) = rng.choices(_METHODS, _METHOD_WEIGHTS)
    (status,) = rng.choices(_STATUSES, _STATUS_WEIGHTS)
    (section,) = rng.choices(_SECTIONS, cum_weights=_WEIGHTS)
    path = rng.choice(_ROOTS) if rng.random() < 0.1 else f"/{section}/{rng.choice(_PAGES)}"  # noqa: PLR2004
    size = "-" if status == 304 else str(int(rng.lognormvariate(8.0, 1.2)))  # noqa: PLR2004
    line = f'{host} - {user} [{stamp}] "{method} {path} HTTP/1.1" {status} {size}'
    if rng.random() < _TRUNCATED:
        line = line[: rng.randrange(20, 60)]
    return line.encode()
