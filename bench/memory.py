"""Every query in a control group with little memory: does the kernel kill any?

    python bench/memory.py [STORE] [--limit 1GiB] [--queries tail,health] [--compare]
    python bench/memory.py STORE --stages verify,rebuild
    python bench/memory.py STORE --run "listen --zmq tcp://127.0.0.1:9940 --bodies" --seconds 60

Each query of the whole range runs in a process of its own, in a new control group with that limit
and without swap. By default the engine takes half of the limit ([engine] memory), and writes what
does not fit into the store. Printed are CPU seconds without those for loading the engine; the peak
of the process's resident memory and of the group's, which includes the kernel's cache of files;
and how much was on the disk at once: all in MB. `--compare` runs each query without a limit, too,
and compares the answers. `--stages` runs steps of `scale.py`, some of which change the store.
`--run` runs a command of hubbub on the store, with its child processes, and ends it after a time;
printed is the most memory that they had together, without the kernel's cache of files.

Where systemd runs, it makes the groups (`systemd-run --scope`); otherwise, and for `--run`, this
needs root. `scale.py --store STORE` makes a store.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

from scale import PARAMETERS, STAGES

from hubbub import plugins
from hubbub.errors import HubbubError
from hubbub.registry import REGISTRY
from hubbub.run.runner import CommonOptions, Runner
from hubbub.sizes import parse_size
from hubbub.store import Store
from hubbub.times import from_micros

_GROUPS = Path("/sys/fs/cgroup")
_EVERY = 0.1  # seconds between two looks at the folder of spilled data
_EVENTS = 1_000_000  # of a new store
_LEAVING = 30.0  # seconds for the last process to leave a group
_DIGITS = 9  # of numbers that are compared: sums depend on their order


class Group:
    """A control group with a limit.

    Args:
        limit: bytes.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._new = (_GROUPS / "cgroup.controllers").exists()
        parent = _GROUPS if self._new else _GROUPS / "memory"
        self.folder = parent / f"hubbub-bench-{os.getpid()}"

    def __enter__(self) -> Self:
        self.folder.mkdir()
        limit = "memory.max" if self._new else "memory.limit_in_bytes"
        (self.folder / limit).write_text(str(self._limit))
        swap = self.folder / ("memory.swap.max" if self._new else "memory.memsw.limit_in_bytes")
        if swap.exists():
            swap.write_text("0" if self._new else str(self._limit))
        return self

    def __exit__(self, *_: object) -> None:
        end = time.monotonic() + _LEAVING
        while True:
            try:
                self.folder.rmdir()
            except OSError:  # a process of it has not quite ended
                if time.monotonic() > end:
                    raise
                time.sleep(_EVERY)
            else:
                return

    def enter(self) -> None:
        """Move this process into the group."""
        (self.folder / "cgroup.procs").write_text(str(os.getpid()))

    def peak(self) -> float:
        """Return the most memory that the group had, in MB."""
        name = "memory.peak" if self._new else "memory.max_usage_in_bytes"
        path = self.folder / name
        return int(path.read_text()) / 2**20 if path.exists() else 0.0

    def kills(self) -> int:
        """Return how many processes of the group the kernel has killed for lack of memory."""
        file = "memory.events" if self._new else "memory.oom_control"
        lines = (self.folder / file).read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("oom_kill ")))

    def private(self) -> int:
        """Return the bytes of the group's processes, without the cache of files."""
        name = "anon" if self._new else "total_rss"
        lines = (self.folder / "memory.stat").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.split()[0] == name))


def spilled(store: Path) -> int:
    """Return how many bytes the engines of a store have on the disk."""
    size = 0
    for path in (store / "spill").glob("*/*"):
        try:
            size += path.stat().st_blocks * 512
        except FileNotFoundError:
            continue
    return size


@contextmanager
def most(measure: Callable[[], int]) -> Iterator[list[int]]:
    """Measure again and again; yield a list with the largest number so far."""
    most, ended = [0], threading.Event()

    def watch() -> None:
        while not ended.wait(_EVERY):
            most[0] = max(most[0], measure())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield most
    finally:
        ended.set()
        thread.join()


def rounded(value: Any) -> Any:
    """Return a value without the last digits of its numbers."""
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    if isinstance(value, dict):
        return {str(key): rounded(part) for key, part in value.items()}
    return [rounded(part) for part in value] if isinstance(value, (list, tuple)) else value


def work(path: Path, name: str) -> None:
    """Run a query or a stage in this process, and print what it took."""
    plugins.load_builtins()
    facts: dict[str, Any] = {"error": ""}
    started = time.process_time()
    with most(lambda: spilled(path)) as disk:
        if name in STAGES:
            new = argparse.Namespace(events=_EVENTS, days=730)
            facts["error"] = STAGES[name](path, new).replace("clean", "")
        else:
            with Store.open(path) as store:
                bounds = store.bounds()
                assert bounds is not None
                common = CommonOptions(
                    since=from_micros(bounds[0]), until=from_micros(bounds[1] + 1)
                )
                store.backend  # noqa: B018 - loads the engine
                started = time.process_time()
                try:
                    result = Runner(store, common=common).query(name, **PARAMETERS.get(name, {}))
                except HubbubError as e:
                    facts["error"] = e.what
                else:
                    text = json.dumps(rounded(result.data), sort_keys=True, default=str)
                    facts["answer"] = hashlib.sha256(text.encode()).hexdigest()
    facts["cpu"] = time.process_time() - started
    facts["resident"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    facts["spilled"] = disk[0] / 2**20
    print(json.dumps(facts))


def run(path: Path, name: str, limit: int | None, patience: float) -> dict[str, Any]:
    """Run a query or stage in another process; `limit`: bytes of its control group."""
    command = [sys.executable, __file__, str(path), "--work", name]
    if limit is None:
        return finish(command, None, patience)
    if Path("/run/systemd/system").exists():
        scope = ["systemd-run", "--scope", "--quiet", f"--property=MemoryMax={limit}",
                 "--property=MemorySwapMax=0"]  # fmt: skip
        return finish([*scope, *command], None, patience)
    with Group(limit) as group:
        return finish(command, group, patience) | {"group": group.peak()}


def finish(command: Sequence[str], group: Group | None, patience: float) -> dict[str, Any]:
    """Run a command in a group; return what it prints, or how it ended."""
    enter = group.enter if group is not None else None
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=enter)  # noqa: PLW1509
    try:
        out, _ = process.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return {"error": f"it took more than {patience:,.0f} s"}
    if process.returncode == -signal.SIGKILL:
        return {"error": "KILLED"}
    if process.returncode:
        return {"error": f"exit code {process.returncode}"}
    facts: dict[str, Any] = json.loads(out.splitlines()[-1])
    return facts


def run_command(store: Path, command: str, limit: int, seconds: float) -> bool:
    """Run a command of hubbub in a group, end it, and print its memory; return whether it lived."""
    arguments = [*shlex.split(command), "--store", str(store)]
    hubbub = [sys.executable, "-c", "from hubbub.cli.root import run; run()", *arguments]
    with Group(limit) as group:
        process = subprocess.Popen(hubbub, preexec_fn=group.enter)  # noqa: PLW1509
        with most(group.private) as memory:
            try:
                code = process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.terminate()
                code = process.wait(60)
        print(
            f"{command}: exit code {code}; {memory[0] / 2**20:,.0f} MB, with cached files"
            f" {group.peak():,.0f} MB of {limit / 2**20:,.0f}; {group.kills()} killed"
        )
        return code == 0 and not group.kills()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "store", type=Path, nargs="?", help="default: a new one of a million events"
    )
    parser.add_argument("--limit", default="1GiB", help="of the control group")
    parser.add_argument("--queries", help="names with commas between them; default: all")
    parser.add_argument("--stages", help=f"names of {', '.join(STAGES)}, instead of queries")
    parser.add_argument("--run", metavar="COMMAND", help="of hubbub, instead of queries")
    parser.add_argument("--seconds", type=float, default=60.0, help="after which it is ended")
    parser.add_argument("--compare", action="store_true", help="with answers without a limit")
    parser.add_argument("--patience", type=float, default=600.0, help="timeout, seconds")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options.store, options.work)
        return
    if not Path("/run/systemd/system").exists() and os.geteuid():
        print("without systemd, only root can make control groups: nothing is measured")
        return
    with ExitStack() as stack:
        if options.store is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            options.store = Path(folder) / "store"
            for name in ("load", "ids", "rollups"):
                run(options.store, name, None, options.patience)
        ok = measure(options)
    raise SystemExit(not ok)


def measure(options: argparse.Namespace) -> bool:
    """Run what the options say, and print it; return whether all answered."""
    limit = parse_size(options.limit, "--limit")
    if options.run:
        return run_command(options.store, options.run, limit, options.seconds)
    plugins.load_builtins()
    names = options.stages or options.queries
    names = names.split(",") if names else sorted(REGISTRY.queries)
    print(f"{'in ' + options.limit:<20}{'CPU s':>8}{'resident':>10}{'group':>8}{'disk':>8}")
    failed = []
    for name in names:
        facts = run(options.store, name, limit, options.patience)
        numbers = [facts.get(key, 0.0) for key in ("cpu", "resident", "group", "spilled")]
        remark = facts["error"]
        if options.compare and not remark and name not in STAGES:
            free = run(options.store, name, None, options.patience)
            remark = "same answer" if free.get("answer") == facts["answer"] else "OTHER ANSWER"
        if remark not in {"", "same answer"}:
            failed.append(name)
        print(
            "{:<20}{:>8.2f}{:>10,.0f}{:>8,.0f}{:>8,.0f}  {}".format(name, *numbers, remark),
            flush=True,
        )
    print(f"{len(names) - len(failed)} of {len(names)} answered")
    return not failed


if __name__ == "__main__":
    main()
