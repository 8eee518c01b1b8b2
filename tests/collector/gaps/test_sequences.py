"""Skipped numbers: each jump is reported once, and processes that share a certificate are
distinguished.
"""

from __future__ import annotations

import json
import random

from hypothesis import example, given
from hypothesis import strategies as st

from hubbub.collector.gaps.sequences import Jump, Sequences

T0 = 1_795_000_000
S = 1_000_000
LATER = (T0 + 10**6) * S


def receive(numbers, sequences=None, publisher="cert"):
    """Add numbers, a second apart by both clocks."""
    sequences = sequences or Sequences()
    for n, i in enumerate(numbers):
        sequences.add("zmq:a", publisher, i, (T0 + n) * S, (T0 + n) * S)
    return sequences


def jumps(sequences, now=LATER):
    return [(j.start // S - T0, j.end // S - T0, j.lost) for j in sequences.jumps(now)]


def test_consecutive_numbers_are_no_jump_whatever_the_first_is():
    assert jumps(receive(range(1, 50))) == []
    assert jumps(receive(range(700, 750))) == []


def test_a_jump_spans_the_two_messages_and_is_reported_once():
    sequences = receive([5, 6, 7, 11, 12])
    assert jumps(sequences) == [(2, 4, 3)]
    assert jumps(sequences) == []


def test_two_jumps_of_one_stream():
    assert jumps(receive([1, 2, 5, 6, 9])) == [(1, 3, 2), (3, 5, 2)]


def test_a_restarted_process_is_no_jump():
    assert jumps(receive([*range(1000, 1010), *range(1, 30)])) == []


def test_jumps_of_a_restarted_process_below_the_numbers_of_the_old_one():
    assert jumps(receive([*range(1, 1000), 1, 2, 3, 7, 8])) == [(1001, 1003, 3)]


def test_processes_with_one_certificate_are_distinguished():
    both = [i for n in range(50) for i in (n + 1, n + 500)]
    assert jumps(receive(both)) == []
    del both[61]  # number 530 of the second process
    assert [jump[2] for jump in jumps(receive(both))] == [1]


def test_a_jump_is_not_certain_while_the_old_process_may_still_publish():
    sequences = receive([1, 2, 3, 10])
    soon = (T0 + 4) * S
    assert jumps(sequences, soon) == []
    receive([4, 11, 5, 12], sequences)
    assert jumps(sequences) == []  # two processes


def test_eight_more_numbers_make_a_jump_certain_without_waiting():
    sequences = receive([1, 2, 3, *range(10, 20)])
    assert jumps(sequences, (T0 + 13) * S) == [(2, 4, 6)]


def test_a_late_number_closes_the_jump():
    assert jumps(receive([1, 2, 4, 5, 3, 6])) == []


def test_publishers_and_endpoints_are_distinguished():
    sequences = receive([1, 2, 3])
    receive([7, 8, 9], sequences, "another")
    sequences.add("zmq:b", "cert", 20, T0 * S, T0 * S)
    assert jumps(sequences) == []


def test_the_state_survives_as_json():
    first = receive([1, 2, 3])
    second = Sequences(json.loads(json.dumps(first.document())))
    receive([6, 7], second)
    third = Sequences(json.loads(json.dumps(second.document())))
    assert [jump.lost for jump in third.jumps(LATER)] == [2]


def test_memory_is_bounded():
    sequences = Sequences()
    for n in range(2000):
        sequences.add("zmq:a", "cert", 10 + 1000 * n % 7919 * 3, T0 * S, T0 * S)
    assert len(sequences.document()[0][2]) <= 32


def test_messages_without_a_number_are_ignored():
    assert receive([0, -1]).document() == []


@example(313, 237, 0.5)  # more jumps at once than runs are kept
@given(st.integers(0, 2**32), st.integers(1, 400), st.floats(0, 0.5))
def test_the_sum_of_losses_of_one_process_is_exact(seed, n, share):
    """Everything lost between the first and the last received message is reported."""
    chance = random.Random(seed)
    numbers = [i for i in range(1, n + 1) if chance.random() >= share]
    sequences = Sequences()
    reported: list[Jump] = []
    for i in numbers:
        sequences.add("zmq:a", "c", i, (T0 + i) * S, (T0 + i) * S)
        if chance.random() < 0.1:
            reported += sequences.jumps((T0 + i) * S)
    reported += sequences.jumps(LATER)
    expected = numbers[-1] - numbers[0] + 1 - len(numbers) if numbers else 0
    assert sum(jump.lost for jump in reported) == expected
