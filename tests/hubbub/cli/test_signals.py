"""Signals as something to ask and to wait for."""

import os
import signal
import threading
import time

import pytest

from hubbub.cli.signals import stop_signal


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_waiting_and_is_remembered(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with stop_signal() as told:
        assert (told.is_set(), told.wait(0), told.wait(0.01)) == (False, False, False)
        started = time.monotonic()
        threading.Timer(0.05, os.kill, (os.getpid(), number)).start()
        assert told.wait(60)
        assert time.monotonic() - started < 30
        assert told.is_set()
        assert told.wait()
    assert signal.getsignal(number) == before


def test_many_signals_block_nobody() -> None:
    with stop_signal() as told:
        for _ in range(70_000):  # more than a pipe holds
            signal.raise_signal(signal.SIGTERM)
        assert told.wait()


def test_it_may_come_at_any_moment_of_a_wait() -> None:
    """A handler that took a lock would stop here for ever."""
    with stop_signal() as told:
        stop = threading.Event()

        def hail() -> None:
            while not stop.is_set():
                os.kill(os.getpid(), signal.SIGTERM)

        thread = threading.Thread(target=hail)
        thread.start()
        for _ in range(2000):
            told.wait(0)
        stop.set()
        thread.join()
        assert told.is_set()
