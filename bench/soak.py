"""Soak test: `listen` and `gather` under failures, then a check that no message is missing.

usage: soak.py [--minutes 2] [--rate 5000] [--cut 30] [--kills 2] [--down 5] [--settle 20]
               [--gather 60] [--bodies]; the acceptance test takes ten minutes (`make soak`).

A simulated bus publishes RATE messages per second for MINUTES; a simulated history has the same
messages. `hubbub listen --backfill` receives the bus over a relay that is cut for CUT seconds, its
loader is killed KILLS times, the history is killed and restarted after DOWN seconds, `hubbub
gather` reads the last minute again every GATHER seconds (0: never), and a reader queries once a
second. At the end the store must be complete: `verify` is clean, the ids are exactly the published
ones, and coverage has no gap. Otherwise the exit code is 1 and the faults are printed.
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
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Soak:
    """One run in one folder."""

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
        self.ended = threading.Event()
        self.history_killed: float | None = None  # time of the kill

    # processes

    def role(self, *arguments: object) -> subprocess.Popen[str]:
        """Start a process of _soak.py, which is killed at the end."""
        process = subprocess.Popen(
            [sys.executable, HERE / "_soak.py", *map(str, arguments)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
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

    # during the run

    def wait_until(self, part: float) -> float:
        """Wait until a part of the run has passed; return the seconds since its start."""
        self.ended.wait(max(0.0, self.start / S + part * self.seconds - time.time()))
        return round(time.time() - self.start / S, 1)

    def elapsed(self) -> float:
        """Seconds since the start of the run; waits for the start."""
        return self.wait_until(0)

    def sample(self, pid: int, port: int) -> None:
        """Record memory and metrics of the listener once a second."""
        patience = time.monotonic() + 30  # it subscribes before it answers
        while not self.ended.wait(1.0):
            facts: dict[str, float] = {"at": time.time() - self.start / S}
            facts["listener"], facts["listener_share"] = memory(pid)
            facts["loader"], facts["loader_share"] = memory(n) if (n := loader_of(pid)) else (0, 0)
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
                    for line in page.read().decode().splitlines():
                        name, _, value = line.rpartition(" ")
                        if not name.startswith("#"):
                            facts[name.removeprefix("hubbub_")] = float(value)
                patience = 0.0
            except OSError as error:
                if time.monotonic() > patience:
                    self.faults.append(f"no response from /metrics: {error}")
            self.samples.append(facts)

    def gather(self, url: str) -> None:
        """Read the last minute again every `--gather` seconds."""
        span = min(60, self.args.gather)
        self.wait_until(span / self.seconds)
        while not self.ended.is_set() and time.time() < self.end / S:
            start = time.time()
            done = self.hubbub("gather", "--url", url, "--since", f"{span}s", "--json",
                               "--allow-incomplete")  # fmt: skip
            if done.returncode == 4 and self.history_was_down(start, time.time()):
                print(f"{self.elapsed():6.1f} s  gather failed, the history is down", flush=True)
                time.sleep(self.args.down)
                continue
            if done.returncode:
                self.faults.append(f"gather exited with {done.returncode}: {done.stderr[-500:]}")
            else:
                facts = json.loads(done.stdout)
                self.gathers.append(facts | {"seconds": round(time.time() - start, 1)})
            self.ended.wait(max(0.0, self.args.gather - (time.time() - start)))

    def history_was_down(self, start: float, end: float) -> bool:
        """Whether the history was down at some time of [start, end)."""
        killed = self.history_killed
        return killed is not None and start < killed + 2 * self.args.down and killed < end

    def kill_loader(self, pid: int) -> None:
        loader = loader_of(pid)
        if loader is None:
            self.faults.append("there was no loader to kill")
            return
        os.kill(loader, signal.SIGKILL)

    def inject_faults(
        self, pid: int, relay: Relay, history: subprocess.Popen[str], port: int
    ) -> None:
        """Cause all failures, at fixed parts of the run."""
        kills = [0.15 + 0.7 * k / max(self.args.kills, 1) for k in range(self.args.kills)]
        for part, fault in sorted([*((k, "kill") for k in kills), (0.35, "cut")]):
            now = self.wait_until(part)
            if fault == "kill":
                print(f"{now:6.1f} s  the loader is killed", flush=True)
                self.kill_loader(pid)
                continue
            print(f"{now:6.1f} s  the network is cut", flush=True)
            relay.cut()
            time.sleep(self.args.cut)
            relay.restore()
            print(f"{self.elapsed():6.1f} s  the network is back", flush=True)
            time.sleep(3)
            self.history_killed = time.time()
            history.kill()
            print(f"{self.elapsed():6.1f} s  the history is killed", flush=True)
            time.sleep(self.args.down)
            self.history(port)
            print(f"{self.elapsed():6.1f} s  the history is back", flush=True)

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
            if bus.stdout.readline() != "subscribed\n":
                raise SystemExit(f"listen did not subscribe: see {self.folder / 'listen.log'}")
            reader = self.role("reader", self.store, self.start, self.end)
            faults = listener.pid, relay, history, history_port
            threads = [
                threading.Thread(target=self.sample, args=(listener.pid, port)),
                threading.Thread(target=self.inject_faults, args=faults),
            ]
            if self.args.gather:
                threads.append(threading.Thread(target=self.gather, args=(url,)))
            for thread in threads:
                thread.start()
            self.stack.callback(self.ended.set)
            sent = json.loads(bus.stdout.readline())
            print(f"{self.elapsed():6.1f} s  the bus ends", flush=True)
            complete, loaded = self.wait_complete()
            self.ended.set()
            for thread in threads:
                thread.join()
            out, _ = reader.communicate()
            listener.send_signal(signal.SIGTERM)
            code = listener.wait(30)
            if code:
                self.faults.append(f"listen exited with {code}")
        self.load_rest()
        return self.judge(sent, json.loads(out), complete, loaded)

    def load_rest(self) -> None:
        """Load what was received and waits when the listener has ended, as every query does."""
        query = self.hubbub("query", "volume", "--allow-incomplete")
        if query.returncode:
            self.faults.append(f"query exited with {query.returncode}: {query.stderr}")

    def wait_complete(self) -> tuple[float | None, float | None]:
        """Wait until coverage has no gap.

        Returns:
            Seconds from the end of the bus until then, and until the spool was empty.
        """
        from hubbub.store import Store

        start, loaded = time.time(), None
        with Store.open(self.store) as store:
            while time.time() - start < self.args.patience:
                segments = self.samples[-1].get("spool_segments", 1) if self.samples else 1
                if loaded is None and not segments:
                    loaded = time.time() - start
                coverage = store.coverage(self.start, self.end)
                if coverage.state != "unproven" and not coverage.gaps:
                    return time.time() - start, loaded
                time.sleep(0.5)
        return None, loaded

    def judge(
        self, sent: dict[str, Any], reader: dict[str, Any], complete: float | None,
        loaded: float | None,
    ) -> int:  # fmt: skip
        """Check the store, print a report and return the exit code."""
        from hubbub.store import Store

        verify = self.hubbub("verify", "--json")
        verified = json.loads(verify.stdout or "{}")
        expected = {
            m.id
            for m in traffic(self.args.seed, self.args.rate).between(self.start, self.end)
            if m.broken is None
        }
        with Store.open(self.store) as store:
            ids = store.events().select("id").to_pyarrow()["id"].to_pylist()
            coverage = store.coverage(self.start, self.end)
            counts = dict(sorted(store.state.counts().items()))
        duplicates = len(ids) - len(set(ids))
        missing, foreign = expected - set(ids), set(ids) - expected
        faults = self.faults
        if verify.returncode or not verified.get("clean"):
            faults.append(f"verify: {verified.get('faults')} {verify.stderr}")
        if len(expected) != sent["messages"]:
            faults.append(f"the bus published {sent['messages']} messages of {len(expected)}")
        for kind, wrong in (("missing", missing), ("foreign", foreign)):
            if wrong:
                faults.append(f"{len(wrong)} messages are {kind}: {sorted(wrong)[:3]}")
        if duplicates:
            faults.append(f"{duplicates} messages are stored twice")
        if complete is None:
            faults.append(f"coverage is {coverage.state} with {len(coverage.gaps)} gaps")
        faults += [f"reader: {failure}" for failure in reader["failures"][:5]]
        print(f"published  {sent['messages']:,} and {sent['broken']:,} broken, "
              f"ended {sent['late']:.1f} s late")  # fmt: skip
        print(f"stored     {len(ids):,}")
        for source, numbers in counts.items():
            print(f"  {source}: " + ", ".join(f"{n:,} {name}" for name, n in numbers.items()))
        print(f"coverage   {coverage.state}, {len(coverage.gaps)} gaps, complete "
              + (f"{complete:.1f} s after the last message" if complete is not None else "never")
              + (f"; all loaded after {loaded:.1f} s" if loaded is not None else ""))  # fmt: skip
        print(
            f"verify     {'clean' if verified.get('clean') else 'NOT CLEAN'}: "
            + ", ".join(f"{n:,} {name}" for name, n in verified.get("checked", {}).items())
        )
        print(f"reader     {reader['queries']} times two queries, median {reader['median']:.2f} s, "
              f"slowest {reader['slowest']:.2f} s, {reader['memory'] >> 20} MB at the end, "
              f"{len(reader['failures'])} failures")  # fmt: skip
        for gather in self.gathers:
            print("gather     " + ", ".join(f"{v} {k}" for k, v in gather.items()))
        self.print_samples()
        for fault in faults:
            print(f"FAULT      {fault}")
        return int(bool(faults))

    def print_samples(self) -> None:
        """Print memory at the start, in the middle and at the end; lag and queue."""
        mid = len(self.samples) // 2
        for share, kind in (("_share", "share (PSS)"), ("", "resident (RSS)")):
            both = [row[f"listener{share}"] + row[f"loader{share}"] for row in self.samples]
            each = [[row[name + share] for row in self.samples] for name in ("listener", "loader")]
            for name, values in zip(("listener", "loader", "together"), [*each, both], strict=True):
                mb = [value / 2**20 for value in values]
                parts = (mb[min(10, len(mb) - 1)], mb[mid], mb[-1])
                budget = ", of 250" if name == "together" and share else ""
                print(f"{name:10} {' · '.join(f'{v:.0f}' for v in parts)} MB {kind} "
                      f"(start, middle, end), at most {max(mb):.0f}{budget}")  # fmt: skip
        during = [row for row in self.samples if 0 <= row["at"] <= self.seconds]
        lags = sorted(row.get("lag_seconds", 0) for row in during)
        queued = max(row.get("queue_messages", 0) for row in during)
        overflow = max(row.get("overflow_messages_total", 0) for row in during)
        print(f"lag        median {lags[len(lags) // 2]:.1f} s, at most {lags[-1]:.1f} s")
        print(f"in memory  at most {queued:,.0f} messages, overflow {overflow:,.0f}")
        if self.args.samples:
            Path(self.args.samples).write_text("\n".join(map(json.dumps, self.samples)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--rate", type=float, default=5000.0, help="messages per second")
    parser.add_argument("--cut", type=float, default=30.0, help="seconds without a network")
    parser.add_argument("--kills", type=int, default=2, help="kills of the loader")
    parser.add_argument("--down", type=float, default=5.0, help="seconds without a history")
    parser.add_argument("--settle", type=float, default=20.0, help="--settle of listen, seconds")
    parser.add_argument("--gather", type=float, default=60.0, help="gather interval, s; 0: never")
    parser.add_argument("--bodies", action="store_true", help="store bodies too")
    parser.add_argument("--patience", type=float, default=300.0, help="seconds to become complete")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", help="folder for store and log, kept; default: temporary")
    parser.add_argument("--samples", help="file for the samples of each second, JSON lines")
    args = parser.parse_args()
    folder = Path(args.folder or tempfile.mkdtemp(prefix="hubbub-soak-"))
    folder.mkdir(parents=True, exist_ok=True)
    code = Soak(folder, args).run()
    if not args.folder and not code:
        shutil.rmtree(folder)
    elif code:
        print(f"store and log are in {folder}")
    return code


if __name__ == "__main__":
    sys.exit(main())
