"""Reading an hourly file of GH Archive of which few lines match `--repo`: lines a minute.

200,000 lines of 3 kB on average (BENCH_LINES sets another number), one in 2,000 of the wanted
repository. Baselines of the same run: `zcat | wc -l`, and gzip with msgspec, which parses the name
of each line's repository and compares it. Budget: 1,000,000 lines a minute, and no more than 1.5
times gzip with msgspec.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from hubbub.collector.files.archive import Repositories
from hubbub.collector.files.reader import read

LINES = int(os.environ.get("BENCH_LINES", "200_000"))
WANTED, RARE, ROUNDS = "lantern/beacon", 2_000, 3
SLOWEST, RATIO = 1_000_000, 1.5


class Name(msgspec.Struct):
    name: str


class Line(msgspec.Struct):
    repo: Name


def write(path: Path) -> None:
    """Write the file; payloads are pushes and pull requests of 0.5 to 20 kB."""
    rng = random.Random(7)
    words = [f"w{rng.randrange(10**6)}" for _ in range(4_000)]
    with gzip.open(path, "wb", compresslevel=6) as file:
        for number in range(LINES):
            repo = WANTED if number % RARE == 0 else f"user{rng.randrange(90_000)}/project"
            start = rng.randrange(3_000)
            text = " ".join(words[start : start + int(rng.lognormvariate(5.6, 0.9))])
            event = {
                "id": str(30_000_000_000 + number),
                "type": "PushEvent",
                "actor": {"id": 1, "login": f"user{rng.randrange(90_000)}"},
                "repo": {"id": 2, "name": repo},
                "payload": {"size": 1, "commits": [{"sha": "ab" * 20, "message": text + "\n"}]},
                "public": True,
                "created_at": "2026-01-02T10:00:01Z",
            }
            file.write(json.dumps(event).encode() + b"\n")


def seconds(run: Callable[[], int], expected: int) -> float:
    """Return the median time of some runs, each of which has to count as expected."""
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        assert run() == expected
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "2026-01-02-10.json.gz"
        write(path)
        matching = -(-LINES // RARE)

        def zcat() -> int:
            command = f"zcat {path} | wc -l"
            return int(subprocess.run(command, shell=True, check=True, capture_output=True).stdout)

        def plain() -> int:
            decode = msgspec.json.Decoder(Line).decode
            with gzip.open(path) as lines:
                return sum(decode(line).repo.name == WANTED for line in lines)

        def hubbub() -> int:
            return sum(1 for _ in read(path, "gharchive", wanted=Repositories([WANTED])))

        base = seconds(plain, matching)
        own, pipe = seconds(hubbub, matching), seconds(zcat, LINES)
        print(f"{LINES:,} lines, {path.stat().st_size:,} bytes compressed, {matching:,} match")
        for name, took in (("zcat | wc -l", pipe), ("gzip + msgspec", base), ("hubbub", own)):
            print(
                f"{name:16} {took:6.2f} s {60 * LINES / took:14,.0f} lines/min {took / base:6.2f}x"
            )
        if 60 * LINES / own < SLOWEST or own > RATIO * base:
            sys.exit("slower than the budget")


main()
