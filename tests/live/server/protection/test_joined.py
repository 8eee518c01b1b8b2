"""What is written in one turn of the loop is sent at once, in order, and before the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from hubbub.live.server.protection.joined import JoinedWrites


class Recorder(asyncio.Transport):
    """Keeps what is sent."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.closed = self.aborted = False

    def write(self, data: Any) -> None:
        self.sent.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.aborted = True

    def is_closing(self) -> bool:
        return self.closed

    def get_write_buffer_size(self) -> int:
        return 7


def sent(*turns: Callable[[JoinedWrites], None]) -> Recorder:
    """Run a function in each turn of a loop; return what was sent."""
    recorder = Recorder()

    async def run() -> None:
        joined = JoinedWrites(recorder, asyncio.get_running_loop())
        for turn in turns:
            turn(joined)
            await asyncio.sleep(0)

    asyncio.run(run())
    return recorder


def written(*parts: bytes) -> Callable[[JoinedWrites], None]:
    def write(joined: JoinedWrites) -> None:
        for part in parts:
            joined.write(part)

    return write


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        ([[b"head", b"body"]], [b"headbody"]),
        ([[b"head"], [b"body"]], [b"head", b"body"]),
        ([[b"head", b"one", b"two"], [b"three"]], [b"headone", b"two", b"three"]),
        ([[b"head", b""]], [b"head"]),
        ([[b""]], []),
        ([[b"head", b"x" * 100_000, b"y"]], [b"head", b"x" * 100_000, b"y"]),
    ],
)
def test_head_and_body_are_sent_together(turns: list[list[bytes]], expected: list[bytes]) -> None:
    assert sent(*(written(*parts) for parts in turns)).sent == expected


def test_what_is_held_counts_as_unsent_and_is_sent_before_the_end() -> None:
    sizes: list[int] = []

    def write_and_close(joined: JoinedWrites) -> None:
        joined.write(b"answer")
        sizes.append(joined.get_write_buffer_size())
        joined.close()
        sizes.append(joined.get_write_buffer_size())

    recorder = sent(write_and_close)
    assert (recorder.sent, recorder.closed, sizes) == ([b"answer"], True, [13, 7])


def test_an_aborted_connection_sends_nothing_more() -> None:
    def write_and_abort(joined: JoinedWrites) -> None:
        joined.write(b"answer")
        joined.abort()

    recorder = sent(write_and_abort)
    assert (recorder.sent, recorder.aborted) == ([], True)
