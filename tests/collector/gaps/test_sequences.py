"""Skipped numbers: every loss is told once, processes that share a certificate are kept apart."""

from __future__ import annotations

import json
import random

from hypothesis import example, given
from hypothesis import strategies as st

from hubbub.collector.gaps.sequences import Jump, Sequences

T0 = 1_795_000_000
S = 1_000_000
LATER = (T0 + 10**6) * S


def heard(numbers, sequences=None, publisher="cert"):
    """Take numbers, a second apart by both clocks."""
    sequences = sequences or Sequences()
    for n, i in enumerate(numbers):
        sequences.hear("zmq:a", publisher, i, (T0 + n) * S, (T0 + n) * S)
    return sequences


def lost(sequences, now=LATER):
    return [(j.start // S - T0, j.end // S - T0, j.lost) for j in sequences.jumps(now)]


def test_numbers_without_a_hole_say_nothing_wherever_they_begin():
    assert lost(heard(range(1, 50))) == []
    assert lost(heard(range(700, 750))) == []


def test_a_jump_is_a_loss_between_the_two_messages_and_told_once():
    sequences = heard([5, 6, 7, 11, 12])
    assert lost(sequences) == [(2, 4, 3)]
    assert lost(sequences) == []


def test_two_jumps_of_one_stream():
    assert lost(heard([1, 2, 5, 6, 9])) == [(1, 3, 2), (3, 5, 2)]


def test_a_restarted_process_is_no_loss():
    assert lost(heard([*range(1000, 1010), *range(1, 30)])) == []


def test_losses_of_a_restarted_process_are_seen_under_the_numbers_of_the_old_one():
    assert lost(heard([*range(1, 1000), 1, 2, 3, 7, 8])) == [(1001, 1003, 3)]


def test_processes_with_one_certificate_take_turns():
    both = [i for n in range(50) for i in (n + 1, n + 500)]
    assert lost(heard(both)) == []
    del both[61]  # 530 of the second
    assert [jump[2] for jump in lost(heard(both))] == [1]


def test_a_jump_is_not_certain_while_the_old_process_may_still_speak():
    sequences = heard([1, 2, 3, 10])
    soon = (T0 + 4) * S
    assert lost(sequences, soon) == []
    heard([4, 11, 5, 12], sequences)
    assert lost(sequences) == []  # two processes


def test_eight_more_numbers_make_it_certain_without_waiting():
    sequences = heard([1, 2, 3, *range(10, 20)])
    assert lost(sequences, (T0 + 13) * S) == [(2, 4, 6)]


def test_a_number_that_comes_late_closes_the_hole():
    assert lost(heard([1, 2, 4, 5, 3, 6])) == []


def test_publishers_and_endpoints_are_apart():
    sequences = heard([1, 2, 3])
    heard([7, 8, 9], sequences, "another")
    sequences.hear("zmq:b", "cert", 20, T0 * S, T0 * S)
    assert lost(sequences) == []


def test_what_is_remembered_survives_as_json():
    first = heard([1, 2, 3])
    again = Sequences(json.loads(json.dumps(first.document())))
    heard([6, 7], again)
    once_more = Sequences(json.loads(json.dumps(again.document())))
    assert [jump.lost for jump in once_more.jumps(LATER)] == [2]


def test_memory_is_bounded():
    sequences = Sequences()
    for n in range(2000):
        sequences.hear("zmq:a", "cert", 10 + 1000 * n % 7919 * 3, T0 * S, T0 * S)
    assert len(sequences.document()[0][2]) <= 32


def test_messages_without_a_number_say_nothing():
    assert heard([0, -1]).document() == []


@example(313, 237, 0.5)  # more holes at once than runs are kept
@given(st.integers(0, 2**32), st.integers(1, 400), st.floats(0, 0.5))
def test_the_sum_of_losses_of_one_process_is_exact(seed, n, share):
    """All that is lost between the first and the last message that were heard."""
    chance = random.Random(seed)
    numbers = [i for i in range(1, n + 1) if chance.random() >= share]
    sequences = Sequences()
    found: list[Jump] = []
    for i in numbers:
        sequences.hear("zmq:a", "c", i, (T0 + i) * S, (T0 + i) * S)
        if chance.random() < 0.1:
            found += sequences.jumps((T0 + i) * S)
    found += sequences.jumps(LATER)
    expected = numbers[-1] - numbers[0] + 1 - len(numbers) if numbers else 0
    assert sum(jump.lost for jump in found) == expected
