"""Stop signals as a flag to check and to wait for."""

import os
import signal
import threading
import time

import pytest

from hubbub.cli.signals import stop_signal


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_wait_and_sets_the_flag(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with stop_signal() as stop:
        assert (stop.is_set(), stop.wait(0), stop.wait(0.01)) == (
            False,
            False,
            False,
        )
        started = time.monotonic()
        threading.Timer(0.05, os.kill, (os.getpid(), number)).start()
        assert stop.wait(60)
        assert time.monotonic() - started < 30
        assert stop.is_set()
        assert stop.wait()
    assert signal.getsignal(number) == before


def test_many_signals_do_not_block() -> None:
    with stop_signal() as stop:
        for _ in range(70_000):  # more than a pipe holds
            signal.raise_signal(signal.SIGTERM)
        assert stop.wait()


def test_a_signal_may_arrive_at_any_moment_of_a_wait() -> None:
    """A handler that took a lock would deadlock here."""
    with stop_signal() as stop:
        done = threading.Event()

        def send_signals() -> None:
            while not done.is_set():
                os.kill(os.getpid(), signal.SIGTERM)

        thread = threading.Thread(target=send_signals)
        thread.start()
        for _ in range(2000):
            stop.wait(0)
        done.set()
        thread.join()
        assert stop.is_set()
