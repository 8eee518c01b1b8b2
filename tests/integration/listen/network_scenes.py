"""Scenes in namespaces of their own.

    unshare -n -m python -m tests.integration.listen.network_scenes SCENE FOLDER ARGUMENT

Each needs root, and prints its result as a line of JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import zmq

from hubbub.store import Store
from tests.support.processes import NumberedBus, start, wait_until

HERE, THERE = "10.9.0.1", "10.9.0.2"
PERIOD = 0.25  # s between two messages
AWAY = 20.0  # s; heartbeats notice a lost connection within 16 s


def run(*command: str, inside: int | None = None) -> None:
    """Run a command, in the network namespace of a process."""
    enter = () if inside is None else ("nsenter", "-t", str(inside), "-n")
    subprocess.run([*enter, *command], check=True)


def publish(address: str, log: str, first: str) -> None:
    """Publish a numbered message every `PERIOD`, and note the time of each."""
    with zmq.Context() as context, context.socket(zmq.XPUB) as socket, Path(log).open("a") as out:
        bus = NumberedBus(socket, address)
        bus.published = int(first)
        while True:
            out.write(f"{time.time()} 2026-{bus.published + 1}\n")
            out.flush()
            bus.publish()
            time.sleep(PERIOD)


@contextmanager
def machine(log: Path, first: int) -> Iterator[None]:
    """A machine that publishes; at the end it loses power: nothing says goodbye."""
    other = subprocess.Popen(["unshare", "-n", "sleep", "600"])
    processes = [other]
    try:
        time.sleep(0.5)
        run("ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1")
        run("ip", "link", "set", "v1", "netns", str(other.pid))
        run("ip", "addr", "add", f"{HERE}/24", "dev", "v0")
        run("ip", "link", "set", "v0", "up")
        run("ip", "addr", "add", f"{THERE}/24", "dev", "v1", inside=other.pid)
        run("ip", "link", "set", "v1", "up", inside=other.pid)
        command = (
            "nsenter", "-t", str(other.pid), "-n", sys.executable, "-m", __spec__.name, "publish",
            f"tcp://{THERE}:9940", str(log), str(first),
        )  # fmt: skip
        processes.append(subprocess.Popen(command))
        yield
    finally:
        run("ip", "link", "del", "v0")  # before the other end goes with its namespace
        for process in processes:
            process.kill()
            process.wait()


def away(folder: Path, how: str) -> None:
    """The publisher's machine loses power, or its network is cut, for a while."""
    log = folder / "published"
    log.touch()
    with ExitStack() as stack, Store.open(folder / "store") as store:
        first = stack.enter_context(ExitStack())
        first.enter_context(machine(log, 1000))
        listener = start("listen", "--zmq", f"tcp://{THERE}:9940", "--store", store.path)
        wait_until(store.spans)
        time.sleep(12)
        if how == "power":
            first.close()
            time.sleep(AWAY / 10)
            stack.enter_context(machine(log, 5000))
        else:
            run("ip", "link", "set", "v0", "down")
        time.sleep(AWAY)
        if how == "cut":
            run("ip", "link", "set", "v0", "up")
        time.sleep(AWAY)
        listener.terminate()
        code = listener.wait(90)
        store.load()
        stored = set(store.events().select("id").to_pyarrow()["id"].to_pylist())
        published = [line.split() for line in log.read_text().splitlines()]
        spans = store.spans()
        begun = min(span.start for span in spans)
        lost = [float(when) * 1e6 for when, name in published if name not in stored]
        lost = [when for when in lost if begun <= when < max(span.end for span in spans)]
        gaps = [span for span in spans if span.state == "gap"]
        hidden = [t for t in lost if not any(span.start <= t < span.end for span in gaps)]
        shown = [[span.state, span.proof, (span.end - span.start) / 1e6] for span in spans]
        sys.stdout.write(
            json.dumps({"exit": code, "lost": len(lost), "hidden": len(hidden), "spans": shown})
        )


def only_ipv6(folder: Path, name: str) -> None:
    """A publisher whose name has only an IPv6 address."""
    run("ip", "link", "set", "lo", "up")
    hosts = folder / "hosts"
    hosts.write_text(f"::1 {name}\n127.0.0.1 localhost\n")
    run("mount", "--bind", str(hosts), "/etc/hosts")
    with zmq.Context() as context, context.socket(zmq.XPUB) as socket:
        socket.set(zmq.IPV6, 1)
        bus = NumberedBus(socket, "tcp://[::1]:*")
        port = bus.address.rpartition(":")[2]
        listener = start("listen", "--zmq", f"tcp://{name}:{port}", "--store", folder / "store")
        bus.await_subscriptions()
        for _ in range(10):
            bus.publish()
        time.sleep(1)
        listener.terminate()
        code = listener.wait(90)
    with Store.open(folder / "store") as store:
        store.load()
        sys.stdout.write(json.dumps({"exit": code, "stored": store.rows()}))


if __name__ == "__main__":
    scene, *arguments = sys.argv[1:]
    if scene == "publish":
        publish(*arguments)
    else:
        {"away": away, "only_ipv6": only_ipv6}[scene](Path(arguments[0]), arguments[1])
