"""The thread that watches deadlines ends with the process."""

import subprocess
import sys

PROGRAM = """
import atexit, threading

def remaining():
    print(sum(thread.name == "hubbub-deadlines" for thread in threading.enumerate()))

atexit.register(remaining)  # called after what is registered later
from hubbub.collector.history.deadline import Deadlines

with Deadlines().watch(60):
    remaining()
"""


def test_the_thread_ends_before_modules_are_unloaded() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["1", "0"], done.stderr
