"""docs/operations.md and deploy/Containerfile agree with the code."""

import json
import re

from prometheus_client import CollectorRegistry, generate_latest

from hubbub.cli.commands.collection.listen import listen
from hubbub.cli.commands.collection.listen_reload import _RESTART
from hubbub.collector.listening.listener import Counts
from hubbub.config import Config
from hubbub.live.metrics import Metrics
from hubbub.live.vitals import Peer, StoreVitals, Vitals
from hubbub.store.stream.outgoing import Lag
from tests.support import paths

ROOT = paths.ROOT
PAGE = (ROOT / "docs" / "operations.md").read_text()
CONTAINER = (ROOT / "deploy" / "Containerfile").read_text()


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}")[2].partition("\n## ")[0]


def rows(title: str) -> list[str]:
    """Return the first cells of the tables of a section."""
    lines = [line for line in section(title).splitlines() if line.startswith("| ")]
    return [line.split("|")[1].strip() for line in lines if "---" not in line]


def test_the_documented_metrics_are_the_exported_ones() -> None:
    store = StoreVitals(
        new={"zmq": 1},
        known={"zmq": 1},
        refused={("zmq", "no-id"): 1},
        alerts={("busy", "raised"): 1},
        notifications={"sent": 1},
        mirrors=(Lag("s3://a/b", 1, 2.0, 3.0, 4, 5, ""),),
    )
    report = {"waiting": 1, "unacknowledged": 1, "redelivered": 1}
    peers = (Peer("amqp://x", connected=True, received=1, report=report),)
    vitals = Vitals(Counts(), peers, 0, True, 0, store)
    registry = CollectorRegistry()
    registry.register(Metrics(lambda: vitals, "1"))
    lines = generate_latest(registry).decode().splitlines()
    exported = {re.split(r"[ {]", line)[0] for line in lines if not line.startswith("#")}
    documented = set(re.findall(r"`(hubbub_\w+)", " ".join(rows("Metrics"))))
    assert documented == exported


def test_the_documented_faults_are_those_of_the_code() -> None:
    source = (ROOT / "live" / "health.py").read_text()
    names = set(re.findall(r'Fault\("(\w+)"', source))
    assert {cell.strip("`") for cell in rows("Health checks") if cell.startswith("`")} == names


def test_documented_log_events_exist_in_the_code() -> None:
    files = [
        path for top in ("collector", "store", "live", "src") for path in (ROOT / top).rglob("*.py")
    ]
    source = "\n".join(path.read_text() for path in files)
    events = re.findall(r"`([^`]+)`", " ".join(rows("Log events")))
    assert len(events) > 10
    assert [event for event in events if f'"{event}"' not in source] == []


def test_the_documented_keys_of_a_reload_are_configuration_keys() -> None:
    sections = {name: getattr(Config(), name) for name in Config.__struct_fields__}
    keys = set(sections) | {
        f"{name}.{key}"
        for name, section in sections.items()
        for key in getattr(section, "__struct_fields__", ())
    }
    documented = set(re.findall(r"`([a-z_]+(?:\.[a-z_]+)?)`", section("Reload")))
    assert documented <= keys
    restart = section("Reload").partition("| needs a restart |")[2]
    assert set(re.findall(r"`([a-z_.]+)`", restart)) == set(_RESTART)


def test_the_containers_command_line_is_valid() -> None:
    command = json.loads(re.findall(r"^CMD (\[.*\])$", CONTAINER, re.MULTILINE)[-1])
    assert command[0] == "listen"
    with listen.make_context("listen", command[1:]) as ctx:
        assert (ctx.params["metrics_port"], ctx.params["metrics_host"]) == (8718, "0.0.0.0")


def test_the_container_copies_all_packages_and_nothing_that_does_not_exist() -> None:
    copied = {
        word
        for line in re.findall(r"^COPY (?!--from)(.+) \S+$", CONTAINER, re.MULTILINE)
        for word in line.split()
    }
    assert [name for name in copied if not (ROOT / name).exists()] == []
    project = (ROOT / "pyproject.toml").read_text()
    folders = set(re.findall(r'^"hubbub[.\w]*" = "([^"]+)"$', project, re.MULTILINE))
    assert {folder.partition("/")[0] for folder in folders} <= copied
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    included = {line.removeprefix("!") for line in lines if line.startswith("!")}
    assert "*" in lines
    assert included == copied, ".dockerignore must include exactly the copied paths"


def test_both_stages_of_the_container_have_the_same_configurable_base() -> None:
    assert re.findall(r"^FROM (\S+)", CONTAINER, re.MULTILINE) == ["$BASE", "$BASE"]
    assert CONTAINER.index("ARG BASE=") < CONTAINER.index("FROM ")
