"""Frames become rarer where they take much of a processor, and frequent again."""

from __future__ import annotations

from hubbub.live.server.stream.pace import FRAME, Pace


class Clocks:
    """The time, and the processor time of the thread."""

    def __init__(self) -> None:
        self.now = self.used = 100.0

    def pass_on(self, seconds: float, busy: float) -> None:
        self.now += seconds
        self.used += busy


def test_a_busy_thread_sends_fewer_frames_and_an_idle_one_fifteen_a_second() -> None:
    clocks = Clocks()
    pace = Pace(lambda: clocks.now, lambda: clocks.used)
    pause = pace.pause()
    assert pause == FRAME
    cost = 0.06  # s of the processor for each frame: a thousand clients
    for _ in range(50):
        clocks.pass_on(max(pause, cost), cost)
        pause = pace.pause()
    assert cost / 0.2 < pause < cost / 0.1
    for _ in range(50):  # they have gone
        clocks.pass_on(pause, 0.001)
        pause = pace.pause()
    assert pause == FRAME
    for _ in range(50):
        clocks.pass_on(1, 1)
        pause = pace.pause()
    assert pause == 1.0
