"""Listen with one installation of hubbub, kill it, and load with another.

    python listen.py LISTENING_HUBBUB LOADING_HUBBUB FOLDER

Numbered messages of a real ZeroMQ publisher are received by the first with `--spool-only`, which is
killed and started again; the second loads them. Each must be stored once.
"""

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from tests.support.processes import NumberedBus, numbered_bus, wait_until

listening, loading, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
here, there = folder / "listener", folder / "store"


def hubbub(program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a command."""
    return subprocess.run(
        [program, *map(str, arguments)], capture_output=True, text=True, check=False
    )


def waiting() -> int:
    """Return how many messages wait at the listener."""
    answer = hubbub(listening, "status", "--store", here, "--json")
    assert answer.returncode == 0, answer.stderr
    return int(json.loads(answer.stdout)["waiting"]["records"])


def listen(bus: NumberedBus) -> subprocess.Popen[str]:
    """Start a listener, and wait until it hears the bus."""
    process = subprocess.Popen(
        [listening, "listen", "--spool-only", "--store", here, "--zmq", bus.address],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while not bus.socket.recv().startswith(b"\x01"):  # the end of an earlier subscription
        pass
    return process


def publish(bus: NumberedBus, n: int) -> None:
    """Publish messages, and wait until they are on the listener's disk."""
    for _ in range(n):
        bus.publish()
    wait_until(lambda: waiting() == bus.published)


folder.mkdir()
refused = hubbub(listening, "query", "users", "--store", folder / "none")
assert refused.returncode == 2, refused
assert "hubbub-listen" in refused.stderr, refused.stderr
assert "pip install hubbub" in refused.stderr, refused.stderr
refused = hubbub(listening, "listen", "--store", folder / "none", "--zmq", "tcp://127.0.0.1:9")
assert refused.returncode == 2, refused
assert "--spool-only" in refused.stderr, refused.stderr
assert hubbub(listening, "doctor", "--store", here).returncode == 0
with numbered_bus() as bus, ExitStack() as stack:
    process = listen(bus)
    stack.callback(process.kill)
    publish(bus, 200)
    process.kill()
    process.wait()
    process = listen(bus)
    stack.callback(process.kill)
    publish(bus, 100)
    loaded = hubbub(loading, "load", here, "--store", there, "--json")
    assert json.loads(loaded.stdout)["new"] == 200, "the open segment stays with its listener"
    process.terminate()
    _, log = process.communicate(timeout=60)
    assert process.returncode == 0, log
    loaded = hubbub(loading, "load", here, "--store", there, "--json")
    assert json.loads(loaded.stdout) | {"new": 100, "known": 0} == json.loads(loaded.stdout)
    total = bus.published
answer = json.loads(hubbub(loading, "status", "--store", there, "--json").stdout)
assert answer["events"] == total, answer["events"]
assert answer["gaps"] >= 1, "the time between the two listeners"
assert not list((here / "spool").glob("*.seg")), "a loaded segment is deleted"
print(f"hubbub-listen: {total} messages, a kill, and a load elsewhere: each is stored once")
