"""Fixtures, and skipping of tests marked `service(name)` whose service is not installed.

A missing service fails the test if HUBBUB_REQUIRE (a comma-separated list) names it, so that
nothing is skipped in continuous integration.
"""

import logging
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hubbub.cli.root import execute
from hubbub.plugins import load_builtins
from hubbub.registry import REGISTRY
from tests.support.commandline import CommandResult, Run

LAB = Path(os.environ.get("LAB_TMP") or Path(tempfile.gettempdir()) / "hublab")
#: Preloaded into a process, it changes its clock.
FAKETIME = next(map(str, Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), "")


def _pg() -> str | None:
    paths = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return str(paths[-1]) if paths else shutil.which("initdb")


def _browser() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome", "firefox")
    return next((path for name in names if (path := shutil.which(name))), None)


def missing(service: str) -> str:
    """Return why a service cannot be started here; empty if it can."""
    venvs = {"datagrepper": "dg", "fedmsg": "fmsg", "rabbitmq": "fm"}
    marks = {"datagrepper": "gunicorn", "fedmsg": "fedmsg-logger", "rabbitmq": "fedora-messaging"}
    if service in venvs:
        if not (LAB / f"venv-{venvs[service]}" / "bin" / marks[service]).exists():
            return (
                f"tests/integration/peers/setup.sh {venvs[service]} has not installed it in {LAB}"
            )
        return missing("postgres") if service == "datagrepper" else ""
    if service == "postgres":
        if os.geteuid() != 0:
            return "peers/datagrepper/pg.sh needs root"
        return "" if _pg() else "no PostgreSQL here"
    programs = {
        "browser": _browser(), "faketime": FAKETIME, "systemd": shutil.which("systemd-analyze"),
    }  # fmt: skip
    if service not in programs:
        raise ValueError(f"no such service: {service!r}")
    return "" if programs[service] else f"no {service} here"


#: Where `tmp_path` is made: fsync costs a third of the tests' time on a disk.
MEMORY = Path("/dev/shm")
ENOUGH = 4 << 30  # bytes free; a container may have 64 MB
if (
    "PYTEST_DEBUG_TEMPROOT" not in os.environ
    and os.access(MEMORY, os.W_OK)
    and shutil.disk_usage(MEMORY).free >= ENOUGH
):
    os.environ["PYTEST_DEBUG_TEMPROOT"] = str(MEMORY)


@pytest.fixture
def disk_path() -> Iterator[Path]:
    """A temporary folder on a disk, for tests in which fsync is the point."""
    with tempfile.TemporaryDirectory(prefix="hubbub-test-") as folder:
        yield Path(folder)


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
    before = dict(REGISTRY.queries), dict(REGISTRY.views), dict(REGISTRY.jobs)
    yield
    REGISTRY.queries, REGISTRY.views, REGISTRY.jobs = before
    for name in [name for name in sys.modules if name.startswith("hubbub_plugin_")]:
        del sys.modules[name]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests of missing services that are not required."""
    required = {name.strip() for name in os.environ.get("HUBBUB_REQUIRE", "").split(",")}
    for item in items:
        for mark in item.iter_markers("service"):
            for name in mark.args:
                if (why := missing(name)) and name not in required:
                    item.add_marker(pytest.mark.skip(reason=f"service {name}: {why}"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Fail the test of a missing required service before its fixtures run."""
    for mark in item.iter_markers("service"):
        for name in mark.args:
            if why := missing(name):
                pytest.fail(f"service {name} is required: {why}", pytrace=False)
