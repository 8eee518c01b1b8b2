"""Fixtures, and skipping of tests marked `service(name)` whose service is not installed.

A missing service fails the test if HUBBUB_REQUIRE (a comma-separated list) names it, so that
nothing is skipped in continuous integration.
"""

import atexit
import gc
import importlib.util
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from hubbub.cli.root import execute
from hubbub.plugins import load_builtins
from hubbub.registry import REGISTRY
from tests.support.commandline import CommandResult, Run
from tests.support.engines import REQUIRED
from tests.support.paths import DISK, LAB, TESTS

if TYPE_CHECKING:
    from tests.support.bus.rabbitmq import Broker
    from tests.support.http import Served

#: The same few examples in each run; many random ones with HYPOTHESIS_PROFILE=thorough.
settings.register_profile(
    "few", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "thorough", settings.get_profile("few"), derandomize=False, print_blob=True
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "few"))

#: Preloaded into a process, it changes its clock.
FAKETIME = next(map(str, Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), "")


def _pg() -> str | None:
    paths = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return str(paths[-1]) if paths else shutil.which("initdb")


def _browser() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome", "firefox")
    return next((path for name in names if (path := shutil.which(name))), None)


@cache
def _namespaces() -> bool:
    command = ("unshare", "-n", "-m", "ip", "link", "set", "lo", "up")
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


#: The environment and the program of services that setup.sh installs.
PEERS = {
    "datagrepper": ("dg", "gunicorn"),
    "fedmsg": ("fmsg", "fedmsg-logger"),
    "fedora-messaging": ("dg", "fedora-messaging"),
    "spark": ("spark", "spark-submit"),
}
#: Services that are started as users of their own.
NEED_ROOT = {"postgres": "datagrepper/pg.sh", "rabbitmq": "fedora_messaging/rabbit.sh"}


def missing(service: str) -> str:
    """Return why a service cannot be started here; empty if it can."""
    if service in PEERS:
        environment, program = PEERS[service]
        if not (LAB / f"venv-{environment}" / "bin" / program).exists():
            return f"tests/integration/peers/setup.sh {environment} has not installed it in {LAB}"
        if service == "spark" and "spark" not in REQUIRED:
            return "`make test-spark` tests it: it takes minutes"
        return missing("postgres") if service == "datagrepper" else ""
    if service in NEED_ROOT and os.geteuid() != 0:
        return f"peers/{NEED_ROOT[service]} needs root"
    if service == "namespaces":
        return "" if _namespaces() else "no network namespaces here (root and iproute2)"
    programs = {
        "postgres": _pg(),
        "sail": all(map(importlib.util.find_spec, ("pysail", "pyspark"))),
        "rabbitmq": shutil.which("rabbitmqctl", path="/usr/sbin:/usr/bin"),
        "browser": _browser(),
        "faketime": FAKETIME,
        "pdf": shutil.which("pdftotext"),
        "gource": shutil.which("gource") and shutil.which("xvfb-run"),
        "systemd": shutil.which("systemd-analyze"),
    }
    if service not in programs:
        raise ValueError(f"no such service: {service!r}")
    return "" if programs[service] else f"no {service} here"


#: Where temporary folders are made: fsync costs a third of the tests' time on a disk.
MEMORY = Path("/dev/shm")
ENOUGH = 4 << 30  # bytes free; a container may have 64 MB
if (
    "PYTEST_DEBUG_TEMPROOT" not in os.environ
    and os.access(MEMORY, os.W_OK)
    and shutil.disk_usage(MEMORY).free >= ENOUGH
):
    os.environ["PYTEST_DEBUG_TEMPROOT"] = os.environ["TMPDIR"] = str(MEMORY)
    tempfile.tempdir = None


@pytest.fixture
def disk_path() -> Iterator[Path]:
    """A temporary folder on a disk, for tests in which fsync is the point."""
    with tempfile.TemporaryDirectory(prefix="hubbub-test-", dir=DISK) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def broker() -> "Iterator[Broker]":
    """A RabbitMQ of our own; a test that stops it starts it again."""
    from tests.support.bus.rabbitmq import private_broker

    with private_broker() as service:
        yield service


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small store."""
    from tests.support.stores.small_store import fill

    path = tmp_path_factory.mktemp("small") / "store"
    fill(path)
    return path


@pytest.fixture(scope="module")
def served(folder: Path) -> "Iterator[Served]":
    """A server of the small store."""
    from tests.support.http import serving

    with serving(folder) as running:
        yield running


@pytest.fixture(autouse=True)
def fresh_logs() -> Iterator[None]:
    """Undo the logging configuration of commands after each test."""
    hook = threading.excepthook
    yield
    if structlog := sys.modules.get("structlog"):
        structlog.reset_defaults()
    logging.captureWarnings(capture=False)
    threading.excepthook = hook


@pytest.fixture
def hubbub(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Run:
    """`hubbub("query", "users")`: run a command line with empty config and data folders."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "100")
    for name in ("HUBBUB_STORE", "HUBBUB_CONFIG"):
        monkeypatch.delenv(name, raising=False)

    def run(*args: str | Path) -> CommandResult:
        capfd.readouterr()
        code = execute([str(arg) for arg in args])
        out, err = capfd.readouterr()
        return CommandResult(code, out, err)

    return run


@pytest.fixture
def registry() -> Iterator[None]:
    """Restore the registry after the test."""
    load_builtins()
    before = {name: dict(value) for name, value in vars(REGISTRY).items()}
    yield
    vars(REGISTRY).update(before)
    for name in [name for name in sys.modules if name.startswith("hubbub_plugin_")]:
        del sys.modules[name]


#: Folders with the longest tests, most of which wait for other processes. Those of a group need the
#: same services.
LONG = (
    ("contract", "integration/bus"),
    ("integration/engine", "integration/live_page", "integration/screen"),
    ("integration/history", "integration/listen", "torture"),
)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the garbage collector away from what is collected here, which stays to the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
        atexit.register(gc.unfreeze)  # else DuckDB names what was left


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Use two workers per processor: tests wait for others, but each worker collects all."""
    return 2 * (os.cpu_count() or 1)


def long_first(items: list[pytest.Item]) -> list[pytest.Item]:
    """Order tests for workers that begin with equal parts of the list, and then steal.

    Each group of long tests begins a third of the list: some workers start with tests that wait,
    the others with those that compute. A group's worker starts its services once.
    """
    groups = {TESTS / folder: group for group, names in enumerate(LONG) for folder in names}
    parts: list[list[pytest.Item]] = [[] for _ in LONG]
    short: list[pytest.Item] = []
    for item in items:
        group = groups.get(item.path.parent)
        (short if group is None else parts[group]).append(item)
    ordered = []
    for part in parts:
        room = max(len(items) // len(parts) - len(part), 0)
        ordered += [*part, *short[:room]]
        short = short[room:]
    return ordered + short


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Move the longest tests to the front; skip tests of missing services that are not required."""
    items[:] = long_first(items)
    for item in items:
        for mark in item.iter_markers("service"):
            for name in mark.args:
                if (why := missing(name)) and name not in REQUIRED:
                    item.add_marker(pytest.mark.skip(reason=f"service {name}: {why}"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Fail the test of a missing required service before its fixtures run."""
    for mark in item.iter_markers("service"):
        for name in mark.args:
            if why := missing(name):
                pytest.fail(f"service {name} is required: {why}", pytrace=False)
