"""deploy/hubbub-listen.service: a valid command line; hubbub works inside the sandbox."""

import configparser
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

from hubbub.cli.commands.collection.listen import listen
from tests.deploy.units import DEPLOY, read

UNIT = "hubbub-listen.service"


@pytest.fixture(scope="module")
def unit() -> configparser.RawConfigParser:
    return read(UNIT)


def test_the_command_line_is_valid(unit: configparser.RawConfigParser) -> None:
    command = shlex.split(unit["Service"]["ExecStart"].replace("%S", "/var/lib"))
    assert command[:2] == ["/opt/hubbub/bin/hubbub", "listen"]
    with listen.make_context("listen", command[2:]) as ctx:
        assert ctx.params["metrics_port"] == 8718
    assert command[command.index("--log-format") + 1] == "json"


def test_no_restart_after_usage_and_store_errors(unit: configparser.RawConfigParser) -> None:
    from hubbub.errors import StoreError, UsageError

    statuses = unit["Service"]["RestartPreventExitStatus"].split()
    assert set(map(int, statuses)) == {UsageError.exit_code, StoreError.exit_code}


def test_the_watchdog_timeout_is_longer_than_the_limit_for_a_stuck_loop(
    unit: configparser.RawConfigParser,
) -> None:
    from hubbub.collector.listening.listener import _STUCK

    assert int(unit["Service"]["WatchdogSec"].removesuffix("s")) > _STUCK


#: Numbers on x86-64 of system calls in @privileged and @resources, which the unit denies.
DENIED = {
    "chown": 92, "fchown": 93, "lchown": 94, "setuid": 105, "setpriority": 141,
    "sched_setparam": 142, "chroot": 161, "setrlimit": 160, "sched_setaffinity": 203, "mbind": 237,
    "set_mempolicy": 238, "ioprio_set": 251, "fchownat": 260,
}  # fmt: skip
SANDBOX = """
import ctypes, errno, os, platform, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(65, 1, 0, 0, 0) != 0:  # PR_SET_MDWE, like MemoryDenyWriteExecute; inherited
    sys.exit(77)
if platform.machine() == "x86_64":  # a seccomp filter like systemd's: these calls get EPERM
    calls = [int(number) for number in sys.argv[1].split(",")]
    instruction = lambda code, yes, no, value: struct.pack("=HBBI", code, yes, no, value)
    program = instruction(0x20, 0, 0, 0)  # load the number of the call
    program += b"".join(instruction(0x15, len(calls) - n, 0, c) for n, c in enumerate(calls))
    program += instruction(6, 0, 0, 0x7FFF0000)  # allow
    program += instruction(6, 0, 0, 0x00050000 | errno.EPERM)
    code = ctypes.create_string_buffer(program)
    header = struct.pack("=HxxxxxxQ", len(program) // 8, ctypes.addressof(code))
    assert libc.prctl(38, 1, 0, 0, 0) == 0  # PR_SET_NO_NEW_PRIVS
    assert libc.prctl(22, 2, ctypes.c_char_p(header), 0, 0) == 0, ctypes.get_errno()
    try:
        os.chown(".", -1, -1)
    except PermissionError:
        pass
    else:
        sys.exit("the filter does not deny chown")
os.execve(sys.argv[2], sys.argv[2:], {"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"})
"""


@pytest.mark.service("systemd")
def test_the_unit_denies_the_calls_of_the_test_but_not_sched_setscheduler() -> None:
    filters = re.findall(r"^SystemCallFilter=(.+)$", (DEPLOY / UNIT).read_text(), re.MULTILINE)
    assert filters == ["@system-service", "~@privileged @resources", "sched_setscheduler"]
    process = subprocess.run(
        ["systemd-analyze", "syscall-filter", "--no-pager", "@privileged", "@resources", "@chown"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert DENIED.keys() <= set(process.stdout.split())


def test_listen_and_query_work_in_the_sandbox_without_a_home(tmp_path: Path) -> None:
    """Without writable executable memory, and without the system calls that the unit denies."""
    hubbub = str(Path(sys.executable).with_name("hubbub"))
    config = tmp_path / "hubbub.toml"
    store = tmp_path / "s"

    def sandboxed(*args: str) -> list[str]:
        denied = ",".join(map(str, DENIED.values()))
        command = [sys.executable, "-c", SANDBOX, denied, hubbub, *args]
        return [*command, "--config", str(config), "--store", str(store)]

    with zmq.Context() as context, context.socket(zmq.XPUB) as bus:
        port = bus.bind_to_random_port("tcp://127.0.0.1")
        config.write_text(f'[listen]\nzmq = ["tcp://127.0.0.1:{port}"]\n')
        process = subprocess.Popen(
            sandboxed("listen", "--log-format", "json"), stderr=subprocess.PIPE, text=True
        )
        while not bus.poll(100):
            if process.poll() == 77:
                pytest.skip("this kernel cannot deny executable memory")
            assert process.poll() is None
        assert bus.recv() == b"\x01"
        body = {"i": 1, "msg": {}, "msg_id": "2026-1", "timestamp": 1_780_000_000,
                "topic": "org.x.prod.y.z", "username": "u"}  # fmt: skip
        bus.send_multipart([b"org.x.prod.y.z", msgspec.json.encode(body)])
        end = time.monotonic() + 90
        while not any((store / "spool").glob("*.open")) and time.monotonic() < end:
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=90)
    assert process.returncode == 0, err
    query = subprocess.run(
        sandboxed("query", "volume", "--format", "csv", "--allow-incomplete"),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert query.returncode == 0, query.stderr
    assert sum(int(line.split(",")[2]) for line in query.stdout.splitlines()[1:]) == 1
