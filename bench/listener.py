"""Receive rates: the listener with and without disk, plain pyzmq, plain libzmq in C, fedmsg.

usage: python bench/listener.py [MESSAGES] [ROUNDS]

Each of them in turn receives the same 1.5 kB messages from a C publisher that waits instead of
dropping. At the end it counts the losses at 20,000 messages per second from a publisher that drops,
while one fdatasync takes two seconds longer. Needs a C compiler and libzmq's headers
(libzmq3-dev); fedmsg is the one that tests/integration/peers/setup.sh installs: its consumer in its
hub, which is what a project that listens with it deploys, and its `tail_messages`, both without
validation.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import random
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import zmq

HERE = Path(__file__).parent
TOPIC = "org.fedoraproject.prod.git.receive"
KINDS = ("libzmq in C", "plain pyzmq", "without disk", "durable")
PEERS = {"fedmsg hub": "hub", "fedmsg tail": "tail"}  # values: modes of _fedmsg.py
LAB = Path(os.environ.get("LAB_TMP") or Path(tempfile.gettempdir()) / "hublab")
FEDMSG = LAB / "venv-fmsg/bin/python"
RATE, STALL = 20_000, 2.0  # messages per second, s


def bodies(file: Path, number: int = 20_000) -> None:
    """Write length-prefixed envelopes of about 1,500 bytes, with a user and a certificate."""
    rng = random.Random(1)
    with file.open("wb") as out:
        for n in range(number):
            user = f"user{min(int(rng.paretovariate(0.6)), 49_999):05}"
            commit = {"username": user, "agent": user, "repo": f"pkg{rng.randrange(20_000)}",
                      "branch": "rawhide", "rev": f"{rng.getrandbits(160):040x}",
                      "summary": f"Update to {rng.randrange(9)}.{rng.randrange(99)}"}  # fmt: skip
            body = json.dumps({
                "i": n, "timestamp": 1_760_000_000 + n, "topic": TOPIC, "username": "apache",
                "msg_id": f"2026-{rng.getrandbits(128):032x}", "msg": {"commit": commit},
                "certificate": base64.b64encode(rng.randbytes(800)).decode(),
            }).encode()  # fmt: skip
            out.write(struct.pack("<I", len(body)) + body)


def pyzmq(port: int) -> float:
    """Measure the messages per second of a simple receive loop."""
    with zmq.Context() as context, context.socket(zmq.SUB) as sub:
        sub.set(zmq.RCVHWM, 200_000)
        sub.subscribe(b"")
        sub.connect(f"tcp://127.0.0.1:{port}")
        sub.recv_multipart()
        start, n = time.perf_counter(), 0
        while sub.recv_multipart()[0] != b"END":
            n += 1
        return n / (time.perf_counter() - start)


def stalled(port: int, messages: int) -> int:
    """Count the messages that are lost when one fdatasync takes `STALL` seconds longer."""
    from hubbub.collector.listening.listener import Listener
    from hubbub.collector.zeromq.receiver import Receiver
    from hubbub.store.spool.writer import SpoolWriter

    quiet()
    folder = Path(tempfile.mkdtemp(prefix="hubbub-bench-"))
    with Receiver([f"tcp://127.0.0.1:{port}"]) as receiver:
        sink = SpoolWriter(folder, "bench")
        listener = Listener([receiver], sink, on_tick=lambda: ends and listener.stop(), grace=30)
        pack, sync, ends = sink.pack, os.fdatasync, []

        def packing(source, arrived, parts):
            ends.extend(topic for topic in parts[::2] if topic == b"END")
            return pack(source, arrived, parts)

        def stalling(descriptor):
            if sink.durable > messages // 4:
                os.fdatasync = sync
                time.sleep(STALL)
            sync(descriptor)

        sink.pack, os.fdatasync = packing, stalling
        counts = listener.run()
    shutil.rmtree(folder)
    assert os.fdatasync is sync, "fdatasync did not stall"
    return messages - (counts.stored - len(ends))


def quiet() -> None:
    """Log errors only; keep the heap, as the command does."""
    import structlog

    from hubbub import memory

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    memory.retain_freed()


def hubbub(port: int, messages: int, *, durable: bool) -> float:
    """Measure the messages per second until all are durable, or packed and discarded."""
    from hubbub.collector.listening.listener import Listener
    from hubbub.collector.zeromq.receiver import Receiver
    from hubbub.store.spool.writer import SpoolWriter

    class Nowhere(SpoolWriter):
        """Do everything except writing to disk."""

        def flush(self) -> None:
            self._buffer, self._size = [], 0
            self.durable += self._count
            self._count = 0

    quiet()
    folder = Path(tempfile.mkdtemp(prefix="hubbub-bench-"))
    with Receiver([f"tcp://127.0.0.1:{port}"]) as receiver:
        sink = (SpoolWriter if durable else Nowhere)(folder, "bench")
        listener = Listener([receiver], sink)
        first_batch: list[tuple[float, int]] = []
        end = [0.0]
        put = _recording(listener.backlog.put, first_batch)
        listener.backlog.put = put  # type: ignore[method-assign]
        flush = sink.flush

        def recording_flush() -> None:
            flush()
            if not end[0] and sink.durable + listener.backlog.overflow >= messages:
                end[0] = time.perf_counter()
                listener.stop()

        sink.flush = recording_flush  # type: ignore[method-assign]
        counts = listener.run()
    shutil.rmtree(folder)
    if counts.overflow:
        print(f"  {counts.overflow:,} overflowed")
    start, first = first_batch[0]
    return (messages - first) / (end[0] - start)


def _recording(put, first_batch):
    """Wrap `put` so that it records the time and size of the first batch."""

    def recording_put(batch):
        if not first_batch:
            first_batch.append((time.perf_counter(), len(batch)))
        return put(batch)

    return recording_put


def measure(kind: str, folder: Path, messages: int, rate: int = 0) -> float:
    """Measure one kind with a new publisher, which drops messages only if it has a rate."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    publisher = subprocess.Popen(
        [
            folder / "zpub",
            str(port),
            str(messages),
            folder / "bodies",
            str(rate),
            "10000",
            str(int(not rate)),
        ],
        stderr=subprocess.DEVNULL,
    )
    if kind == KINDS[0]:
        command = [folder / "zsub", str(port), "200000"]
    elif kind in PEERS:
        command = [FEDMSG, "-Wignore", HERE / "_fedmsg.py", PEERS[kind], str(port), str(messages)]
    else:
        command = [sys.executable, __file__, "--kind", kind, str(port), str(messages)]
    out = subprocess.run(command, stdout=-1, text=True, check=True, timeout=300).stdout
    publisher.kill()
    publisher.wait()
    *notes, last = out.strip().splitlines()
    print(*notes, sep="\n", end="\n" if notes else "")
    return json.loads(last)["rate"]


def run_kind(kind: str, port: int, messages: int) -> None:
    if kind == "stall":
        rate = float(stalled(port, messages))
    else:
        rate = pyzmq(port) if kind == KINDS[1] else hubbub(port, messages, durable=kind == KINDS[3])
    print(json.dumps({"rate": rate}))


def main(messages: int = 200_000, rounds: int = 3) -> None:
    with tempfile.TemporaryDirectory(prefix="hubbub-bench-") as name:
        folder = Path(name)
        for program in ("zpub", "zsub"):
            command = ["cc", "-O2", "-w", HERE / f"{program}.c", "-o", folder / program, "-lzmq"]
            if shutil.which("cc") is None or subprocess.run(command, check=False).returncode:
                print("listener: needs a C compiler and libzmq's headers (libzmq3-dev); not run")
                return
        bodies(folder / "bodies")
        kinds = KINDS
        if FEDMSG.exists():
            kinds += tuple(PEERS)
        else:
            print(f"fedmsg: not in {LAB}, not run (tests/integration/peers/setup.sh fmsg)")
        rates: dict[str, list[float]] = {kind: [] for kind in kinds}
        for _ in range(rounds):
            for kind, measured in rates.items():
                measured.append(measure(kind, folder, messages))
        lost = measure("stall", folder, 10 * RATE, RATE)
    for kind, measured in rates.items():
        print(f"{kind:14} {statistics.median(measured):>10,.0f} messages/s")
    print("durable against the others, median of each round's ratio:")
    budgets = {KINDS[2]: "0.85", KINDS[0]: "0.50", "fedmsg hub": "4.00"}
    for kind in (kind for kind in rates if kind != KINDS[3]):
        budget = budgets.get(kind, "")
        ratio = statistics.median(
            durable / other for durable, other in zip(rates[KINDS[3]], rates[kind], strict=True)
        )
        print(f"  / {kind:14} {ratio:.2f}x" + (f"  (at least {budget})" if budget else ""))
    print(f"lost of {10 * RATE:,} at {RATE:,}/s, disk stalled for {STALL:g} s: {lost:,.0f}  (0)")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--kind"]:
        run_kind(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    else:
        main(*map(int, sys.argv[1:]))
