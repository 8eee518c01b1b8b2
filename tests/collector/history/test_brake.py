"""One thread's wait holds all, and the pace follows what the service allows."""

from hubbub.collector.history.retry import Brake


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_a_wait_holds_everybody_and_later_requests_come_one_after_another():
    clock = Clock()
    brake = Brake(clock)
    assert [brake.reserve() for _ in range(3)] == [(0, 0)] * 3
    brake.answered()
    brake.hold(10, 0)
    brake.hold(10, 0)  # sent at the same time: no slower for that
    assert [brake.reserve()[0] for _ in range(3)] == [10, 20, 30]
    clock.now = 5
    brake.hold(30, 0)  # a longer wait holds longer
    assert brake.reserve() == (35, 1)


def simulate(gap, retry_after, threads, seconds):
    """Return the answers and refusals of a service that allows a request every `gap` seconds."""
    clock = Clock()
    brake = Brake(clock)
    turns = [brake.reserve() for _ in range(threads)]
    last, answers, refusals = -gap, 0, 0
    while clock.now < seconds:
        n = min(range(threads), key=lambda n: turns[n][0])
        clock.now, holds = max(clock.now, turns[n][0]), turns[n][1]
        if holds == brake.holds:
            if clock.now - last >= gap:
                last, answers = clock.now, answers + 1
                brake.answered()
            else:
                refusals += 1
                brake.hold(retry_after, holds)
        delay, holds = brake.reserve()
        turns[n] = clock.now + delay, holds
    return answers, refusals


def test_a_service_with_a_fixed_pace_is_asked_at_that_pace():
    answers, refusals = simulate(gap=1.0, retry_after=1.0, threads=8, seconds=600)
    assert answers > 0.75 * 600
    assert refusals < 0.2 * answers
    answers, refusals = simulate(gap=2.0, retry_after=1.0, threads=8, seconds=600)
    assert answers > 0.7 * 300
    assert refusals < 0.3 * answers


def test_the_pace_is_forgotten_when_the_service_allows_more():
    brake = Brake(Clock())
    brake.hold(1, 0)
    for _ in range(1000):
        brake.answered()
    brake.reserve()
    assert brake.reserve()[0] <= 1  # nothing but the hold is left
