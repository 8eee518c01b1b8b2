"""A web server's access log that never was: requests of a community's site, for trying and load.

Comes in: a seed, a range of times, requests a second. Goes out: lines of the common log format. The
same seed and rate give the same lines for the same second, whatever the range. A few lines in a
thousand break off, as those of a server that was killed do.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import accumulate

__all__ = ["BURST", "lines"]

#: How much more happens in a burst, and how long it is.
BURST = 5
_LONG = 300  # s of every hour
_HOUR = 3600  # s
_CUT = 0.003  # share of lines that break off

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
_PEOPLE = ("ana", "bola", "chen", "dirk", "eva", "farid", "gita")
_SIGNED_IN = 0.2  # share of requests with a user
#: Zipf, exponent 1: the first section is asked for most.
_WEIGHTS = tuple(accumulate(1 / rank for rank in range(1, len(_SECTIONS) + 1)))


def lines(seed: int, start: int, end: int, rate: float, *, burst: bool = False) -> Iterator[bytes]:
    """Lines without their ends, oldest first.

    Args:
        seed: another seed, another site.
        start: the first second, since the epoch.
        end: the second after the last.
        rate: requests a second on average, at every hour the same.
        burst: five minutes of every hour have `BURST` times as many.
    """
    for second in range(start, end):
        chance = random.Random(f"{seed} {second}")
        shown = datetime.fromtimestamp(second, UTC)
        stamp = f"{shown:%d}/{_MONTHS[shown.month - 1]}/{shown:%Y:%H:%M:%S} +0000"
        here = rate * BURST if burst and _in_burst(seed, second) else rate
        for _ in range(_number(chance, here)):
            yield _line(chance, stamp)


def _in_burst(seed: int, second: int) -> bool:
    hour, into = divmod(second, _HOUR)
    begins = random.Random(f"{seed} burst {hour}").randrange(_HOUR - _LONG)
    return begins <= into < begins + _LONG


def _number(chance: random.Random, mean: float) -> int:
    """How many requests: Poisson; of many a normal distribution, which is nearly the same."""
    if mean > 50:  # noqa: PLR2004 - beyond it e^-mean needs many steps
        return max(0, round(chance.gauss(mean, math.sqrt(mean))))
    number, product, least = 0, chance.random(), math.exp(-mean)
    while product > least:
        number, product = number + 1, product * chance.random()
    return number


def _line(chance: random.Random, stamp: str) -> bytes:
    host = f"10.{chance.randrange(4)}.{chance.randrange(256)}.{chance.randrange(1, 255)}"
    user = chance.choice(_PEOPLE) if chance.random() < _SIGNED_IN else "-"
    (method,) = chance.choices(_METHODS, _METHOD_WEIGHTS)
    (status,) = chance.choices(_STATUSES, _STATUS_WEIGHTS)
    (name,) = chance.choices(_SECTIONS, cum_weights=_WEIGHTS)
    path = chance.choice(_ROOTS) if chance.random() < 0.1 else f"/{name}/{chance.choice(_PAGES)}"  # noqa: PLR2004
    size = "-" if status == 304 else str(int(chance.lognormvariate(8.0, 1.2)))  # noqa: PLR2004
    line = f'{host} - {user} [{stamp}] "{method} {path} HTTP/1.1" {status} {size}'
    if chance.random() < _CUT:
        line = line[: chance.randrange(20, 60)]
    return line.encode()
