"""`hubbub alerts`: rules are listed, checked, replayed and silenced; their history is listed."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from hubbub import config
from hubbub.live.alerts.runner import Alerting
from hubbub.store import Store
from tests.live.alerts.test_runner import LATER, SECOND, of_vector
from tests.support.commandline import HOSTILE, Run
from tests.support.paths import GOLDEN
from tests.support.stores.filling import put
from tests.support.stores.small_store import frames

VECTOR = json.loads((GOLDEN / "statistician" / "alerts" / "al04-step.json").read_text())
RULES = """
[[alerts]]
name = "traffic"
measure = "bytes"
short = 2
long = 4
threshold = 1.5
[[alerts]]
name = "silent"
measure = "silence"
per = "topic"
digest = "1d"
"""


def events() -> list[dict[str, Any]]:
    return of_vector(VECTOR["bytes"], VECTOR["hits"], 10)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store in which the golden vector was judged as time went on."""
    folder = tmp_path_factory.mktemp("alerts")
    (folder / "hubbub.toml").write_text(f'store = "store"\n{RULES}')
    rules = Alerting.of(config.load(folder / "hubbub.toml"))
    with Store.open(folder / "store") as store:
        rules.begin(store, LATER)
        put(store, *frames(events()), load=True)
        rules.step(store, LATER)
        rules.step(store, LATER + 61 * SECOND)
    return folder


@pytest.fixture
def alerts(hubbub: Run, judged: Path, tmp_path: Path) -> Run:
    """Run a subcommand on a copy of that folder."""
    copy = Path(shutil.copytree(judged, tmp_path / "copy"))

    def run(*arguments: object) -> Any:
        return hubbub("alerts", *arguments, "--config", copy / "hubbub.toml")

    return run


def test_every_subcommand_is_listed(alerts: Run):
    listed = alerts("--help").out.partition("Commands:")[2].split("\n")
    assert [line.split()[0] for line in listed if line.strip()] == [
        *("list", "check", "history", "replay", "silence")
    ]


def test_rules_are_listed(alerts: Run):
    traffic, silent = alerts("list", "--json").json
    assert traffic == {
        "rule": "traffic",
        "condition": "bytes: 20s above 1.5 times the 40s before",
        "notify": [],
        "open": 0,
        "since": None,
        "last_change": "2026-01-01T00:02:30Z",
        "silenced_until": None,
    }
    assert silent["condition"].startswith("silence per topic: no message for 2 times")
    assert alerts("list").out.splitlines()[1].startswith("traffic")


def test_history_lists_the_golden_changes(alerts: Run):
    ended, raised = alerts("history", "--json").json
    keys = ("state", "time", "measured", "expected")
    assert [tuple(row[key] for key in keys) for row in (raised, ended)] == [
        ("raised", "2026-01-01T00:01:50Z", 25.0, 10.0),
        ("ended", "2026-01-01T00:02:30Z", 40.0, 32.5),
    ]
    assert raised["details"]["short"] == 250.0
    assert raised["details"]["since"] == "2026-01-01T00:01:50Z"
    assert len(alerts("history", "--limit", 1, "--json").json) == 1
    assert alerts("history", "silent").err == "note: nothing was alerted\n"
    [first] = alerts("history", "--until", "2026-01-01T00:02", "--json").json
    assert first["number"] == 1
    shown = alerts("history", "--tz", "Asia/Kolkata", "--json").json
    assert shown[1]["time"] == "2026-01-01T05:31:50+05:30"
    rows = list(csv.DictReader(io.StringIO(alerts("history", "--format", "csv").out)))
    assert [row["state"] for row in rows] == ["ended", "raised"]


def test_a_replay_gives_the_golden_changes_and_counts_messages(alerts: Run):
    at = ("--since", "2026-01-01", "--until", "2026-01-01T00:04")
    replayed = alerts("replay", "--changes", "--format", "jsonl", *at)
    found = [json.loads(line) for line in replayed.out.splitlines()]
    assert [
        {
            "tick": 6 * int(row["time"][14:16]) + int(row["time"][17:19]) // 10,
            "kind": row["state"],
            "short_average": row["details"]["short"],
            "long_average": row["details"]["long"],
            "short_rate": row["measured"],
            "long_rate": row["expected"],
        }
        for row in found
    ] == VECTOR["expected"]["bytes"]
    traffic, silent = alerts("replay", "--json", *at).json
    assert (traffic["raised"], traffic["messages"]) == (1, 2)
    assert traffic["judged_since"] == "2026-01-01T00:01:10Z"
    assert (silent["raised"], silent["messages"], silent["judged_since"]) == (0, 0, None)
    assert "this would have sent 2 messages in" in replayed.err


def test_a_replay_is_drawn(alerts: Run, tmp_path: Path):
    at = ("--since", "2026-01-01", "--until", "2026-01-01T00:04")
    drawn = alerts("replay", "traffic", "-o", tmp_path / "a.svg", *at)
    assert (drawn.code, "this would have sent 2 messages" in drawn.err) == (0, True)
    picture = (tmp_path / "a.svg").read_text()
    assert "traffic" in picture
    assert "silent" not in picture
    assert alerts("replay", "-o", tmp_path / "a.gif", *at).code == 2


def test_a_replay_states_the_time_that_was_judged(alerts: Run):
    """The range begins 30 days before the first event."""
    at = ("--since", "2025-12-02", "--until", "2026-01-01T01:01:10")
    assert "would have sent 2 messages in 1.0 hours" in alerts("replay", "traffic", *at).err
    early = ("--since", "2025-12-02", "--until", "2025-12-03")
    assert "not enough data: no rule could be judged" in alerts("replay", *early).err


def test_check_says_what_is_measured(hubbub: Run, alerts: Run):
    traffic, silent = alerts("check", "--json").json
    assert (traffic["alert"], traffic["measured"], traffic["expected"]) == (False, 0, 0)
    assert (silent["rule"], silent["text"]) == ("silent", "nothing to measure yet")
    assert [row["rule"] for row in alerts("check", "silent", "--json").json] == ["silent"]
    unknown = alerts("check", "no such")
    assert unknown.code == 2
    assert "there are: traffic, silent" in unknown.err


def test_mistakes_in_rules_are_named(hubbub: Run, tmp_path: Path):
    file = tmp_path / "bad.toml"
    file.write_text('[[alerts]]\nname = "a"\nthreshold = 0.5\n')
    at = ("--store", tmp_path / "store", "--config", file)
    for command in ("list", "check", "replay"):
        refused = hubbub("alerts", command, *at)
        assert refused.code == 2
        assert "[[alerts]] 'a'" in refused.err
    file.write_text('[[alerts]]\nname = "a"\nnotify = "nobody"\n')
    assert "there is no channel 'nobody'" in hubbub("alerts", "check", *at).err
    file.write_text("")
    assert "has no [[alerts]]" in hubbub("alerts", "list", *at).err


def test_silences_are_added_listed_and_ended(alerts: Run):
    added = alerts("silence", "traffic", "--for", "2h", "--reason", HOSTILE, "--author", "ann")
    assert added.code == 0
    assert "\u202e" not in added.out
    [silence] = alerts("silence", "--list", "--json").json
    assert (silence["rule"], silence["author"], silence["active"]) == ("traffic", "ann", True)
    assert alerts("list", "--json").json[0]["silenced_until"] == silence["ends"]
    [ended] = alerts("silence", "--end", silence["number"], "--json").json
    assert ended["active"] is False
    assert alerts("silence", "--end", silence["number"]).code == 2
    assert alerts("silence", "--all", "--for", "1h", "--reason", "r").code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("traffic", "--reason", "r"), "--for"),
        (("traffic", "--for", "2h"), "--reason"),
        (("traffic", "--for", "soon", "--reason", "r"), "--for"),
        (("--for", "2h", "--reason", "r"), "which rule?"),
        (("other", "--for", "2h", "--reason", "r"), "there is no alert rule 'other'"),
        (("--end", "9"), "there is no silence 9"),
    ],
)
def test_a_silence_that_is_not_complete(alerts: Run, arguments: tuple[str, ...], message: str):
    refused = alerts("silence", *arguments)
    assert refused.code == 2
    assert message in refused.err


def test_jobs_judge_the_rules_too(hubbub: Run, tmp_path: Path):
    file = tmp_path / "hubbub.toml"
    file.write_text(f'store = "store"\n{RULES}[jobs.expire_files]\nschedule = "off"\n')
    at = ("--config", file)
    assert hubbub("jobs", "run", "--due", *at).code == 0
    lines = tmp_path / "lines.jsonl"
    lines.write_text("".join(json.dumps(line) + "\n" for line in events()))
    assert hubbub("import", lines, "--format", "jsonl", *at).code == 0
    assert hubbub("jobs", "run", "--due", *at).code == 0
    assert [row["state"] for row in hubbub("alerts", "history", "--json", *at).json] == [
        "ended",
        "raised",
    ]
