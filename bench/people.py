"""What people cost: decode + people of a message against the typed decode alone, in one run.

Prints a line for each wire format, over the simulated bus, where nine of ten messages are robots'.
Two measures of "decode alone": hubbub's own (`decode`: typed structs, bounds, time, size), and the
bare least, msgspec into a struct of the envelope's six keys, which checks and computes nothing.
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
    """The least that a reader of fedmsg must look at, with a body of any form."""

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
        least, read, whole = (statistics.median(column) for column in zip(*rounds, strict=True))
        print(
            f"people {wire}: {sum(map(len, bodies)) // len(bodies)} B a message; typed decode "
            f"{least:.2f} µs, decode {read:.2f} µs, with people {whole:.2f} µs; "
            f"ratio {whole / read:.2f} to decode (budget 3), {whole / least:.2f} to the bare struct"
        )


if __name__ == "__main__":
    main()
