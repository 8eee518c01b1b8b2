"""deploy/hubbub-listen.service: it starts what exists, it is closed, and hubbub works closed in."""

import configparser
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
import zmq

from hubbub.cli.commands.listen import listen
from tests.support import paths

ROOT = paths.ROOT
UNIT = ROOT / "deploy" / "hubbub-listen.service"
EXPOSURE = 2.0  # of 10; systemd calls it OK


@pytest.fixture(scope="module")
def unit() -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNIT)
    return parser


@pytest.mark.service("systemd")
def test_systemd_rates_it_closed() -> None:
    ran = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--no-pager", str(UNIT)],
        capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"},
    )  # fmt: skip
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", ran.stdout)
    assert found is not None, ran.stdout + ran.stderr
    assert float(found[1]) < EXPOSURE, ran.stdout


@pytest.mark.service("systemd")
def test_systemd_understands_every_line(tmp_path: Path) -> None:
    program = tmp_path / "hubbub"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("/opt/hubbub/bin/hubbub", str(program)))
    ran = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(copy)],
        capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"},
    )  # fmt: skip
    ours = [line for line in ran.stderr.splitlines() if UNIT.name in line]
    assert (ran.returncode, ours) == (0, [])


def test_it_starts_a_command_line_that_exists(unit: configparser.RawConfigParser) -> None:
    words = shlex.split(unit["Service"]["ExecStart"].replace("%S", "/var/lib"))
    assert words[:2] == ["/opt/hubbub/bin/hubbub", "listen"]
    with listen.make_context("listen", words[2:]) as ctx:
        assert ctx.params["metrics_port"] == 8718
    assert words[words.index("--log-format") + 1] == "json"


def test_wrong_usage_and_damage_are_not_started_again(unit: configparser.RawConfigParser) -> None:
    from hubbub.errors import StoreError, UsageError

    stated = unit["Service"]["RestartPreventExitStatus"].split()
    assert set(map(int, stated)) == {UsageError.exit_code, StoreError.exit_code}


def test_the_watchdog_waits_longer_than_a_loop_counts_as_stuck(
    unit: configparser.RawConfigParser,
) -> None:
    from hubbub.collector.bus.listener import _STUCK

    assert int(unit["Service"]["WatchdogSec"].removesuffix("s")) > _STUCK


#: Numbers on x86-64 of calls that @privileged and @resources hold and the unit does not give back.
DENIED = {
    "chown": 92, "fchown": 93, "lchown": 94, "setuid": 105, "setpriority": 141,
    "sched_setparam": 142, "chroot": 161, "setrlimit": 160, "sched_setaffinity": 203, "mbind": 237,
    "set_mempolicy": 238, "ioprio_set": 251, "fchownat": 260,
}  # fmt: skip
CLOSED = """
import ctypes, errno, os, platform, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(65, 1, 0, 0, 0) != 0:  # PR_SET_MDWE: as MemoryDenyWriteExecute, inherited for good
    sys.exit(77)
if platform.machine() == "x86_64":  # a filter as systemd's: these calls get EPERM
    calls = [int(number) for number in sys.argv[1].split(",")]
    step = lambda code, yes, no, value: struct.pack("=HBBI", code, yes, no, value)
    program = step(0x20, 0, 0, 0)  # the number of the call
    program += b"".join(step(0x15, len(calls) - n, 0, c) for n, c in enumerate(calls))
    program += step(6, 0, 0, 0x7FFF0000) + step(6, 0, 0, 0x00050000 | errno.EPERM)
    kept = ctypes.create_string_buffer(program)
    head = struct.pack("=HxxxxxxQ", len(program) // 8, ctypes.addressof(kept))
    assert libc.prctl(38, 1, 0, 0, 0) == 0  # PR_SET_NO_NEW_PRIVS
    assert libc.prctl(22, 2, ctypes.c_char_p(head), 0, 0) == 0, ctypes.get_errno()
    try:
        os.chown(".", -1, -1)
    except PermissionError:
        pass
    else:
        sys.exit("the filter lets through what it should not")
os.execve(sys.argv[2], sys.argv[2:], {"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"})
"""


@pytest.mark.service("systemd")
def test_the_filter_denies_what_is_tried_here_and_no_more_than_libzmq_can_bear() -> None:
    text = UNIT.read_text()
    allowed, *rest = re.findall(r"^SystemCallFilter=(.+)$", text, re.MULTILINE)
    assert [allowed, *rest] == ["@system-service", "~@privileged @resources", "sched_setscheduler"]
    shown = subprocess.run(
        ["systemd-analyze", "syscall-filter", "--no-pager", "@privileged", "@resources", "@chown"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert DENIED.keys() <= set(shown.stdout.split())


def test_it_works_closed_in_and_without_a_home(tmp_path: Path) -> None:
    """Neither executable memory nor the calls that the unit denies: receive, load and answer."""
    hubbub = str(Path(sys.executable).with_name("hubbub"))
    config = tmp_path / "hubbub.toml"
    store = tmp_path / "s"

    def closed(*args: str) -> list[str]:
        denied = ",".join(map(str, DENIED.values()))
        words = [sys.executable, "-c", CLOSED, denied, hubbub, *args]
        return [*words, "--config", str(config), "--store", str(store)]

    with zmq.Context() as context, context.socket(zmq.XPUB) as bus:
        port = bus.bind_to_random_port("tcp://127.0.0.1")
        config.write_text(f'[listen]\nzmq = ["tcp://127.0.0.1:{port}"]\n')
        process = subprocess.Popen(
            closed("listen", "--log-format", "json"), stderr=subprocess.PIPE, text=True
        )
        while not bus.poll(100):
            if process.poll() == 77:
                pytest.skip("this kernel cannot deny executable memory")
            assert process.poll() is None
        assert bus.recv() == b"\x01"
        body = {"i": 1, "msg": {}, "msg_id": "2026-1", "timestamp": 1_780_000_000,
                "topic": "org.x.prod.y.z", "username": "u"}  # fmt: skip
        bus.send_multipart([b"org.x.prod.y.z", msgspec.json.encode(body)])
        end = time.monotonic() + 20
        while not any((store / "spool").glob("*.open")) and time.monotonic() < end:
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    ran = subprocess.run(
        closed("query", "volume", "--format", "csv", "--allow-incomplete"),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert sum(int(line.split(",")[2]) for line in ran.stdout.splitlines()[1:]) == 1
