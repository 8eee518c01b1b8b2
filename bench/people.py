"""What people cost: decode + people of a message against the typed decode alone, in one run.

Prints one line per format; the budget is a ratio of at most 3. Messages: the traffic of a bus with
200 topics, bodies of about 1.5 kB, the rules' families in turn.
"""

from __future__ import annotations

import json
import random
import statistics
import time
from collections.abc import Callable

import msgpack
import msgspec

from hubbub.collector.decode import decode
from hubbub.collector.event import Frame
from hubbub.collector.people import understand

N, ROUNDS = 20_000, 7
VERBS = [
    "git.receive",
    "bodhi.update.comment",
    "buildsys.build.state.change",
    "wiki.article.edit",
    "copr.build.end",
    "pagure.issue.edit",
    "fedbadges.badge.award",
    "jenkins.build.start",
]


class Envelope(msgspec.Struct):
    """The least that a reader of fedmsg must look at, with a body of any form."""

    msg_id: str
    topic: str
    timestamp: int | float
    msg: dict[str, object]
    username: str | None = None
    i: int = 0


def envelope(i: int, rng: random.Random) -> dict[str, object]:
    user = f"user{min(int(rng.paretovariate(0.6)), 49_999):05}"
    package = f"pkg{rng.randrange(20_000)}"
    return {
        "i": i,
        "timestamp": 1_760_000_000 + i,
        "msg_id": f"2026-{rng.getrandbits(128):032x}",
        "topic": f"org.fedoraproject.prod.{VERBS[i % len(VERBS)]}",
        "username": "apache",
        "msg": {
            "agent": user,
            "name": package,
            "owner": user,
            "user": {"username": user},
            "comment": {"text": f"Works for me, @{user}", "user": {"name": user}},
            "update": {"title": f"{package}-1.2-3.fc41", "user": {"name": user}},
            "commit": {
                "username": user,
                "repo": package,
                "namespace": "rpms",
                "rev": f"{rng.getrandbits(160):040x}",
                "message": "Update\n" * 40,
                "stats": {"files": {f"f{k}.spec": {"lines": k} for k in range(6)}},
            },
            "patch": "x" * 600,
        },
    }


def seconds(call: Callable[[bytes], object], bodies: list[bytes]) -> float:
    start = time.perf_counter()
    for body in bodies:
        call(body)
    return time.perf_counter() - start


def main() -> None:
    rng = random.Random(7)
    messages = [envelope(i, rng) for i in range(N)]
    packers: dict[str, tuple[Callable[[object], bytes], Callable[[bytes], object]]] = {
        "json": (lambda m: json.dumps(m).encode(), msgspec.json.Decoder(Envelope).decode),
        "msgpack": (msgpack.packb, msgspec.msgpack.Decoder(Envelope).decode),
    }
    for name, (pack, typed) in packers.items():
        bodies = [pack(m) for m in messages]

        def whole(body: bytes) -> object:
            return understand(Frame(source="zmq:bench", arrived=0, topic=b"", body=body))

        def read(body: bytes) -> object:
            return decode(Frame(source="zmq:bench", arrived=0, topic=b"", body=body))

        rounds = [
            (seconds(typed, bodies), seconds(read, bodies), seconds(whole, bodies))
            for _ in range(ROUNDS)
        ]
        least, reading, all_of_it = (
            statistics.median(column) for column in zip(*rounds, strict=True)
        )
        print(
            f"people {name}: {len(bodies[0])} B a message; typed decode {least / N * 1e6:.2f} µs, "
            f"decode {reading / N * 1e6:.2f} µs, with people {all_of_it / N * 1e6:.2f} µs; "
            f"ratio {all_of_it / least:.2f} (budget 3)"
        )


if __name__ == "__main__":
    main()
