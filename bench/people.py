"""The cost of extracting people: decoding with people compared with decoding alone.

Prints a line for each wire format of the simulated bus, where nine of ten messages are of robots.
There are two measures of decoding alone: hubbub's own (`decode`: typed structs, bounds, time,
size), and as a lower bound msgspec into a struct of the envelope's six keys, without any checks.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from hubbub.collector.decode.message import decode
from hubbub.collector.event import Frame
from hubbub.collector.people.extract import understand
from hubbub.testing.simulator.traffic import messages
from hubbub.testing.simulator.wire import frames

T = TypeVar("T")
PER_DAY, ROUNDS = 10_000, 9


class Envelope(msgspec.Struct):
    """The keys that any reader of fedmsg needs, with an unchecked body."""

    msg_id: str
    topic: str
    timestamp: int | float
    msg: dict[str, object]
    username: str | None = None
    i: int = 0


def microseconds(call: Callable[[T], object], items: Sequence[T]) -> float:
    start = time.perf_counter()
    for item in items:
        call(item)
    return (time.perf_counter() - start) / len(items) * 1e6


def main() -> None:
    traffic = [
        message
        for message in messages(7, datetime(2026, 11, 1, tzinfo=UTC), per_day=PER_DAY)
        if message.broken is None
    ]
    decoders: dict[str, Any] = {
        "fedmsg": msgspec.json.Decoder(Envelope),
        "msgpack": msgspec.msgpack.Decoder(Envelope),
    }
    for wire, typed in decoders.items():
        pairs = [frames(message, wire) for message in traffic]
        bodies = [body for _, body in pairs]
        arrived = [Frame("zmq:bench", 0, topic, body) for topic, body in pairs]
        rounds = [
            (
                microseconds(typed.decode, bodies),
                microseconds(decode, arrived),
                microseconds(understand, arrived),
            )
            for _ in range(ROUNDS)
        ]
        bare, decoded, people = (statistics.median(times) for times in zip(*rounds, strict=True))
        print(
            f"people {wire}: {sum(map(len, bodies)) // len(bodies)} B per message; typed decode "
            f"{bare:.2f} µs, decode {decoded:.2f} µs, with people {people:.2f} µs; ratio "
            f"{people / decoded:.2f} to decode (budget 3), {people / bare:.2f} to the bare struct"
        )


if __name__ == "__main__":
    main()
