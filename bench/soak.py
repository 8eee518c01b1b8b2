"""`listen` and `gather` together through a bad night; then the store is proven.

usage: soak.py [--minutes 2] [--rate 5000] [--cut 30] [--kills 2] [--down 5] [--settle 20]
               [--gather 60] [--bodies]; ten minutes are the acceptance (`make soak`).

A simulated bus publishes RATE messages a second for MINUTES; a simulated history holds the same
ones. `hubbub listen --backfill` hears the bus over a relay that is cut for CUT seconds, its loader
is killed KILLS times, the history is killed and is back after DOWN seconds, `hubbub gather` reads
the last minute again every GATHER seconds (0: never), and one reader asks once a second. At the
end the store must be whole: `verify` is clean, the ids are exactly those that were published, and
coverage has no gap. Ends with 1, and says why, where it is not.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from _soak import Relay, loader_of, memory, traffic

HERE = Path(__file__).parent
HUBBUB = (sys.executable, "-c", "from hubbub.cli.root import run; run()")
S = 10**6


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Soak:
    """One run in a folder of its own."""

    def __init__(self, folder: Path, args: argparse.Namespace) -> None:
        self.folder, self.args = folder, args
        self.store = folder / "store"
        self.seconds = args.minutes * 60
        self.start = (int(time.time()) + 15) * S
        self.end = self.start + int(self.seconds) * S
        self.stack = contextlib.ExitStack()
        self.samples: list[dict[str, float]] = []
        self.gathers: list[dict[str, Any]] = []
        self.faults: list[str] = []
        self.over = threading.Event()
        self.killed: float | None = None  # when the history was

    # processes

    def role(self, *arguments: object, **more: Any) -> subprocess.Popen[str]:
        """One of _soak's; killed at the end."""
        process = subprocess.Popen(
            [sys.executable, HERE / "_soak.py", *map(str, arguments)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **more,
        )  # fmt: skip
        self.stack.callback(process.wait)
        self.stack.callback(process.kill)
        return process

    def hubbub(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*HUBBUB, *map(str, arguments), "--store", self.store],
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    def history(self, port: int) -> subprocess.Popen[str]:
        process = self.role("history", self.args.seed, self.args.rate, port, self.start, self.end)
        assert process.stdout
        process.stdout.readline()
        return process

    # what goes on meanwhile

    def until(self, part: float) -> float:
        """Wait for a part of the run to have passed; now in seconds since its start."""
        self.over.wait(max(0.0, self.start / S + part * self.seconds - time.time()))
        return round(time.time() - self.start / S, 1)

    def sample(self, pid: int, port: int) -> None:
        """The listener's own numbers once a second."""
        while not self.over.wait(1.0):
            one: dict[str, float] = {"at": time.time() - self.start / S}
            one["listener"], one["listener_share"] = memory(pid)
            loader = loader_of(pid)
            one["loader"], one["loader_share"] = memory(loader) if loader else (0, 0)
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as got:
                    for line in got.read().decode().splitlines():
                        name, _, value = line.rpartition(" ")
                        if not name.startswith("#"):
                            one[name.removeprefix("hubbub_")] = float(value)
            except OSError as error:
                self.faults.append(f"/metrics does not answer: {error}")
            self.samples.append(one)

    def gather(self, url: str) -> None:
        """Read the last minute again, every so often."""
        span = min(60, self.args.gather)
        self.until(span / self.seconds)
        while not self.over.is_set() and time.time() < self.end / S:
            begun = time.time()
            done = self.hubbub("gather", "--url", url, "--since", f"{span}s", "--json",
                               "--allow-incomplete")  # fmt: skip
            if done.returncode == 4 and self.away(begun, time.time()):
                print(f"{self.until(0):6.1f} s  a gather ended, the history is away", flush=True)
                time.sleep(self.args.down)
                continue
            if done.returncode:
                self.faults.append(f"gather ends with {done.returncode}: {done.stderr[-500:]}")
            else:
                facts = json.loads(done.stdout)
                self.gathers.append(facts | {"seconds": round(time.time() - begun, 1)})
            self.over.wait(max(0.0, self.args.gather - (time.time() - begun)))

    def away(self, start: float, end: float) -> bool:
        """Whether the history was away in this time."""
        return self.killed is not None and start < self.killed + 2 * self.args.down and (
            self.killed < end
        )  # fmt: skip

    def kill_loader(self, pid: int) -> None:
        loader = loader_of(pid)
        if loader is None:
            self.faults.append("there was no loader to be killed")
            return
        os.kill(loader, signal.SIGKILL)

    def trouble(self, pid: int, relay: Relay, history: subprocess.Popen[str], port: int) -> None:
        """All that goes wrong, at fixed parts of the run."""
        kills = [0.15 + 0.7 * k / max(self.args.kills, 1) for k in range(self.args.kills)]
        for part, what in sorted([*((k, "kill") for k in kills), (0.35, "cut")]):
            at = self.until(part)
            if what == "kill":
                print(f"{at:6.1f} s  the loader is killed", flush=True)
                self.kill_loader(pid)
                continue
            print(f"{at:6.1f} s  the network is cut", flush=True)
            relay.cut()
            time.sleep(self.args.cut)
            relay.mend()
            print(f"{self.until(0):6.1f} s  the network is back", flush=True)
            time.sleep(3)
            self.killed = time.time()
            history.kill()
            print(f"{self.until(0):6.1f} s  the history is killed", flush=True)
            time.sleep(self.args.down)
            self.history(port)
            print(f"{self.until(0):6.1f} s  the history is back", flush=True)

    # the run

    def run(self) -> int:
        with self.stack:
            bus = self.role("bus", self.args.seed, self.args.rate)
            assert bus.stdin
            assert bus.stdout
            relay = Relay(bus.stdout.readline().strip())
            bus.stdin.write(f"{self.start} {self.end}\n")
            bus.stdin.flush()
            history_port, port = free_port(), free_port()
            history = self.history(history_port)
            url = f"http://127.0.0.1:{history_port}"
            log = self.stack.enter_context((self.folder / "listen.log").open("w"))
            listener = subprocess.Popen(
                [*HUBBUB, "listen", "--store", self.store, "--log-format", "json",
                 "--zmq", f"tcp://127.0.0.1:{relay.port}", "--backfill", url,
                 "--settle", f"{self.args.settle:g}s", "--metrics-port", str(port),
                 *(["--bodies"] if self.args.bodies else [])],
                stderr=log,
            )  # fmt: skip
            self.stack.callback(listener.wait)
            self.stack.callback(listener.kill)
            if bus.stdout.readline() != "heard\n":
                raise SystemExit(f"nobody heard the bus: {self.folder / 'listen.log'}")
            reader = self.role("reader", self.store, self.start, self.end)
            trouble = listener.pid, relay, history, history_port
            threads = [
                threading.Thread(target=self.sample, args=(listener.pid, port)),
                threading.Thread(target=self.trouble, args=trouble),
            ]
            if self.args.gather:
                threads.append(threading.Thread(target=self.gather, args=(url,)))
            for thread in threads:
                thread.start()
            self.stack.callback(self.over.set)
            sent = json.loads(bus.stdout.readline())
            print(f"{self.until(0):6.1f} s  the bus ends", flush=True)
            whole, queued = self.wait_whole()
            self.over.set()
            for thread in threads:
                thread.join()
            out, _ = reader.communicate()
            listener.send_signal(signal.SIGTERM)
            code = listener.wait(30)
            if code:
                self.faults.append(f"listen ended with {code}")
        return self.judge(sent, json.loads(out), whole, queued)

    def wait_whole(self) -> tuple[float | None, float | None]:
        """Seconds from the end of the bus until coverage is whole, and until the spool is empty."""
        from hubbub.store import Store

        begun, queued = time.time(), None
        with Store.open(self.store) as store:
            while time.time() - begun < self.args.patience:
                lag = self.samples[-1].get("spool_segments", 1) if self.samples else 1
                if queued is None and not lag:
                    queued = time.time() - begun
                verdict = store.coverage(self.start, self.end)
                if verdict.state != "unproven" and not verdict.gaps:
                    return time.time() - begun, queued
                time.sleep(0.5)
        return None, queued

    def judge(
        self, sent: dict[str, Any], reader: dict[str, Any], whole: float | None,
        queued: float | None,
    ) -> int:  # fmt: skip
        """Say what came of it."""
        from hubbub.store import Store

        proof = self.hubbub("verify", "--json")
        verified = json.loads(proof.stdout or "{}")
        expected = {
            m.id
            for m in traffic(self.args.seed, self.args.rate).between(self.start, self.end)
            if m.broken is None
        }
        with Store.open(self.store) as store:
            ids = store.events().select("id").to_pyarrow()["id"].to_pylist()
            verdict = store.coverage(self.start, self.end)
            counts = dict(sorted(store.state.counts().items()))
        twice = len(ids) - len(set(ids))
        lacking, foreign = expected - set(ids), set(ids) - expected
        faults = self.faults
        if proof.returncode or not verified.get("clean"):
            faults.append(f"verify: {verified.get('faults')} {proof.stderr}")
        if len(expected) != sent["messages"]:
            faults.append(f"the bus says {sent['messages']} where {len(expected)} were made")
        for what, wrong in (("lacking", lacking), ("foreign", foreign)):
            if wrong:
                faults.append(f"{len(wrong)} messages are {what}: {sorted(wrong)[:3]}")
        if twice:
            faults.append(f"{twice} messages are there twice")
        if whole is None:
            faults.append(f"coverage is {verdict.state} with {len(verdict.gaps)} gaps")
        faults += [f"reader: {one}" for one in reader["failures"][:5]]
        print(f"published  {sent['messages']:,} and {sent['broken']:,} broken, "
              f"ended {sent['late']:.1f} s late")  # fmt: skip
        print(f"stored     {len(ids):,}")
        for source, its in counts.items():
            print(f"  {source}: " + ", ".join(f"{n:,} {name}" for name, n in its.items()))
        print(f"coverage   {verdict.state}, {len(verdict.gaps)} gaps, whole "
              + (f"{whole:.1f} s after the last message" if whole is not None else "never")
              + (f"; all loaded after {queued:.1f} s" if queued is not None else ""))  # fmt: skip
        print(
            f"verify     {'clean' if verified.get('clean') else 'NOT CLEAN'}: "
            + ", ".join(f"{n:,} {name}" for name, n in verified.get("checked", {}).items())
        )
        print(f"reader     {reader['queries']} times two queries, median {reader['median']:.2f} s, "
              f"slowest {reader['slowest']:.2f} s, {reader['memory'] >> 20} MB at the end, "
              f"{len(reader['failures'])} failures")  # fmt: skip
        for one in self.gathers:
            print("gather     " + ", ".join(f"{v} {k}" for k, v in one.items()))
        self.show_samples()
        for one in faults:
            print(f"FAULT      {one}")
        return int(bool(faults))

    def show_samples(self) -> None:
        """Memory at the start, in the middle and at the end; lag and queue."""
        mid = len(self.samples) // 2
        for share, what in (("_share", "share (PSS)"), ("", "resident (RSS)")):
            both = [one[f"listener{share}"] + one[f"loader{share}"] for one in self.samples]
            each = [[one[name + share] for one in self.samples] for name in ("listener", "loader")]
            for name, values in zip(("listener", "loader", "together"), [*each, both], strict=True):
                mb = [value / 2**20 for value in values]
                parts = (mb[min(10, len(mb) - 1)], mb[mid], mb[-1])
                budget = ", of 250" if name == "together" and share else ""
                print(f"{name:10} {' · '.join(f'{v:.0f}' for v in parts)} MB {what} "
                      f"(start, middle, end), at most {max(mb):.0f}{budget}")  # fmt: skip
        during = [one for one in self.samples if 0 <= one["at"] <= self.seconds]
        lags = sorted(one.get("lag_seconds", 0) for one in during)
        queued = max(one.get("queue_messages", 0) for one in during)
        overflow = max(one.get("overflow_messages_total", 0) for one in during)
        print(f"lag        median {lags[len(lags) // 2]:.1f} s, at most {lags[-1]:.1f} s")
        print(f"in memory  at most {queued:,.0f} messages, overflow {overflow:,.0f}")
        if self.args.samples:
            Path(self.args.samples).write_text("\n".join(map(json.dumps, self.samples)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--rate", type=float, default=5000.0, help="messages a second")
    parser.add_argument("--cut", type=float, default=30.0, help="seconds without a network")
    parser.add_argument("--kills", type=int, default=2, help="of the loader")
    parser.add_argument("--down", type=float, default=5.0, help="seconds without a history")
    parser.add_argument("--settle", type=float, default=20.0, help="of listen, seconds")
    parser.add_argument("--gather", type=float, default=60.0, help="seconds; 0: no gather")
    parser.add_argument("--bodies", action="store_true", help="store bodies too")
    parser.add_argument("--patience", type=float, default=300.0, help="seconds to become whole")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", help="of the store and the log, kept; default: temporary")
    parser.add_argument("--samples", help="a file for the samples of each second, JSON lines")
    args = parser.parse_args()
    folder = Path(args.folder or tempfile.mkdtemp(prefix="hubbub-soak-"))
    folder.mkdir(parents=True, exist_ok=True)
    code = Soak(folder, args).run()
    if not args.folder and not code:
        shutil.rmtree(folder)
    elif code:
        print(f"the store and the log are in {folder}")
    return code


if __name__ == "__main__":
    sys.exit(main())
