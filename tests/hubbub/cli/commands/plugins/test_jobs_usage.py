"""The job and query `usage`: golden vectors, report, filters, forgetting, retention."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from hubbub.analyzers import extraction
from hubbub.registry import REGISTRY
from hubbub.store import Store
from hubbub.store.maintenance.retention import prune
from tests.support import paths
from tests.support.commandline import Run

GOLDEN = paths.GOLDEN / "core4"
JOBS = sorted(path.name for path in (GOLDEN / "jobs").glob("*.json"))


@pytest.fixture(autouse=True)
def _without_expire_files(registry: None) -> None:
    """Leave the job `expire_files` out: it is always due."""
    del REGISTRY.jobs["expire_files"]


def lines(events: Sequence[Sequence[str]]) -> str:
    """Format golden logins for `import --format jsonl`."""
    return "".join(
        json.dumps({"id": f"{n}-{created}", "timestamp": f"{created}Z", "topic": "login",
                    "users": [user] if user else [], "action": message}) + "\n"
        for n, (created, user, message) in enumerate(events)
    )  # fmt: skip


@pytest.fixture
def imported(hubbub: Run, tmp_path: Path) -> Callable[..., Path]:
    """Import logins into a store, and return its folder."""

    def load(events: Sequence[Sequence[str]]) -> Path:
        (tmp_path / "logins.jsonl").write_text(lines(events))
        store = tmp_path / "s"
        result = hubbub("import", tmp_path / "logins.jsonl", "--format", "jsonl", "--store", store)
        assert result.code == 0, result.err
        return store

    return load


def fails_on(day: str) -> Callable[[Any, Any], Any]:
    reads = extraction._DailyUses.__call__

    def read(self: Any, date_read: Any) -> Any:
        if str(date_read) == day:
            raise RuntimeError("boom")
        return reads(self, date_read)

    return read


@pytest.mark.parametrize("name", JOBS)
def test_golden_jobs(
    name: str, hubbub: Run, imported: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    case = json.loads((GOLDEN / "jobs" / name).read_text())
    for run, expected in zip(case["runs"], case["expected"], strict=True):
        until = run.get("visible_until", "9999")
        store = imported([event for event in case["events"] if event[0] <= until])
        if day := run.get("without_day"):
            DeltaTable(store / "events").delete(f"cast(time as date) = '{day}'")
        options = [f"--{name}={run[name]}" for name in ("start", "end") if name in run]
        options += ["--reset"] if run.get("reset") else []
        with monkeypatch.context() as patch:
            if day := run.get("fail_on"):
                patch.setattr(extraction._DailyUses, "__call__", fails_on(day))
            result = hubbub(
                "jobs", "run", "usage", "--store", store, "--now", run.get("now", case["now"]),
                "--config-start", case["config_start"], "--json", *options,
            )  # fmt: skip
        assert (result.json["error"] is None) == (expected["error"] is None)
        assert (result.code == 0) == (expected["error"] is None)
        fields = ("checkpoint", "progress", "sources", "stored")
        assert {f: result.json[f] for f in fields} == {f: expected[f] for f in fields}


@pytest.mark.parametrize("name", sorted(path.name for path in (GOLDEN / "login").glob("*.json")))
def test_golden_logins_of_stored_days(
    name: str, hubbub: Run, imported: Callable[..., Path]
) -> None:
    case = json.loads((GOLDEN / "login" / name).read_text())
    store = imported(case["events"])
    last = max((created for created, *_ in case["events"]), default="2026-01-01")
    assert hubbub("jobs", "run", "usage", "--store", store, "--now", last).code == 0
    for query in case["queries"]:
        result = hubbub("query", "usage", "--per", query["aggregate"], "--since", query["start"],
                        "--until", query["end"], "--json", "--allow-incomplete",
                        "--store", store)  # fmt: skip
        assert result.json["data"] == query["expected"]


LOGINS = [
    ("2026-01-01T10:00:00", "ann", "successful login"),
    ("2026-01-01T11:00:00", "ann-smith", "successful login"),
    ("2026-01-02T10:00:00", "ann", "successful login"),
    ("2026-01-02T10:00:00", "admin", "successful login"),
    ("2026-01-03T10:00:00", "bob", "failed login"),
]


@pytest.fixture
def logins(imported: Callable[..., Path]) -> Path:
    return imported(LOGINS)


def test_the_report_is_a_table_csv_json_and_a_picture(
    hubbub: Run, logins: Path, tmp_path: Path
) -> None:
    at = ("--store", logins, "--now", "2026-01-04T05:00")
    result = hubbub("jobs", "run", "usage", *at)
    assert (result.code, result.out) == (
        0,
        "job: usage\nstate: ok\nsources: 2 (2026-01-01 to 2026-01-02)\ncheckpoint: 2026-01-04\n",
    )
    for name in ("usage", "active_users"):
        query = ("query", name, "--per", "d", "--not-user", "admin", "--store", logins,
                 "--until", "2026-01-03")  # fmt: skip
        assert hubbub(*query, "--format", "csv").out.splitlines() == [
            "period,users", "2026-01-01,2", "2026-01-02,1"
        ]  # fmt: skip
        assert hubbub(*query).out.split() == [
            "period", "users", "2026-01-01", "2", "2026-01-02", "1"
        ]  # fmt: skip
        assert hubbub(*query, "--json").json["data"] == [["2026-01-01", 2], ["2026-01-02", 1]]
    picture = tmp_path / "u.svg"
    drawn = ("chart", "active_users", "--per", "d", "--stored", "-o", picture, "--store", logins)
    assert hubbub(*drawn).code == 0
    assert "the job usage found" in picture.read_text()


def test_filters_of_users_and_merges_apply_to_stored_days(hubbub: Run, logins: Path) -> None:
    hubbub("jobs", "run", "usage", "--store", logins, "--now", "2026-01-04")

    def users(*options: str) -> Any:
        result = hubbub("query", "usage", "--per", "y", "--json", "--store", logins, *options)
        return result.json["data"]

    assert users() == [["2026-12-31", 2]]
    assert users("--not-user", "ann") == [["2026-12-31", 1]]
    assert users("--user", "ann-*") == [["2026-12-31", 1]]
    hubbub("identity", "merge", "ann-smith", "ann", "--why", "same keys", "--store", logins)
    assert users() == [["2026-12-31", 1]]
    hubbub("identity", "undo", "1", "--store", logins)
    assert users() == [["2026-12-31", 2]]
    refused = hubbub("query", "usage", "--topic", "login", "--store", logins)
    assert refused.code == 2
    assert "--topic: stored days contain only times and users" in refused.err


def test_a_forgotten_name_is_removed_from_stored_days_for_good(hubbub: Run, logins: Path) -> None:
    run = ("jobs", "run", "usage", "--json", "--store", logins, "--now", "2026-01-04")
    before = hubbub(*run).json["stored"]
    assert hubbub("forget", "ann", "--store", logins).code == 0
    query = ("query", "usage", "--per", "y", "--json", "--store", logins)
    assert hubbub(*query).json["data"] == [["2026-12-31", 2]]
    for options in ((), ("--reset",)):
        stored = hubbub(*run, *options).json["stored"]
        names = {user for rows in stored.values() for user, _ in rows}
        assert "ann-smith" in names  # another account
        assert "ann" not in names
        assert [len(rows) for rows in stored.values()] == [len(r) for r in before.values()]
    assert hubbub(*query).json["data"] == [["2026-12-31", 2]]
    assert b'"ann"' not in b"".join(path.read_bytes() for path in logins.glob("state.sqlite*"))


def test_days_with_other_filters_are_not_mixed(hubbub: Run, logins: Path) -> None:
    run = ("jobs", "run", "usage", "--store", logins, "--now", "2026-01-04", "--json")
    first = hubbub(*run).json
    other = ("--action", "failed*", "--not-user", "no-one")
    for options in ((), ("--start", "2026-01-01"), ("--start", "2026-01-01", "--reset")):
        refused = hubbub(*run, *other, *options)
        assert refused.code == 2
        assert "the stored days were extracted with other filters: --topic login" in refused.err
        assert refused.json["stored"] == first["stored"]
    assert hubbub(*run, *other, "--reset", "--end", "2030-01-01").json["stored"] == first["stored"]
    fresh = hubbub(*run, *other, "--reset")
    assert fresh.json["stored"] == {"2026-01-03": [["bob", "2026-01-03T10:00:00"]]}
    assert hubbub(*run, *other).code == 0


def test_forgetting_a_name_among_the_filters_does_not_change_them(
    hubbub: Run, logins: Path
) -> None:
    run = ("jobs", "run", "usage", "--store", logins, "--now", "2026-01-04", "--not-user", "ann")
    assert hubbub(*run).code == 0
    assert hubbub("forget", "ann", "--store", logins).code == 0
    assert hubbub(*run).code == 0
    assert hubbub(*run, "--not-user", "bob").code == 2


def test_stored_days_are_deleted_after_their_retention_period(hubbub: Run, logins: Path) -> None:
    run = ("jobs", "run", "usage", "--store", logins, "--json")
    assert len(hubbub(*run, "--now", "2026-01-04").json["stored"]) == 2
    kept = hubbub(*run, "--now", "2026-02-01T09:00", "--keep", "30d").json
    assert list(kept["stored"]) == ["2026-01-02"]
    assert kept["checkpoint"] == "2026-02-01"


def test_a_first_run_keeps_back_filled_days(hubbub: Run, logins: Path) -> None:
    run = ("jobs", "run", "usage", "--store", logins, "--now", "2026-01-04", "--json")
    filled = hubbub(*run, "--start", "2026-01-01", "--end", "2026-01-01").json
    assert (list(filled["stored"]), filled["checkpoint"]) == (["2026-01-01"], None)
    refused = hubbub(*run, "--action", "failed*")
    assert (refused.code, refused.json["stored"]) == (2, filled["stored"])
    assert list(hubbub(*run).json["stored"]) == ["2026-01-01", "2026-01-02"]


def test_every_action_and_the_other_filters(hubbub: Run, logins: Path) -> None:
    run = ("jobs", "run", "usage", "--store", logins, "--now", "2026-01-04", "--reset", "--json")
    all_of_them = hubbub(*run, "--action", "*", "--not-user", "no*").json["stored"]
    assert sum(map(len, all_of_them.values())) == len(LOGINS)
    by_user = hubbub(*run, "--user", "ann").json["stored"]
    assert {user for rows in by_user.values() for user, _ in rows} == {"ann"}
    assert hubbub(*run, "--category", "other").json["stored"] == {}


def test_the_command_line_takes_precedence_over_the_configuration(
    hubbub: Run, logins: Path, tmp_path: Path
) -> None:
    config = tmp_path / "hubbub.toml"
    config.write_text(
        '[jobs.usage]\nconfig_start = 2026-01-02\nschedule = "30 4 * * *"\n[jobs.usag]\n'
    )
    at = ("--store", logins, "--config", config, "--now", "2026-01-04")
    result = hubbub("jobs", "run", "usage", "--json", *at)
    assert list(result.json["stored"]) == ["2026-01-02"]
    assert "section [jobs.usag] of the configuration: there is no such job" in result.err
    result = hubbub(
        "jobs", "run", "usage", "--reset", "--config-start", "2026-01-01", "--json", *at
    )
    assert list(result.json["stored"]) == ["2026-01-01", "2026-01-02"]
    assert hubbub("jobs", "list", "--json", *at).json[0]["schedule"] == "30 4 * * *"
    config.write_text("[jobs.usage]\nconfig_stert = 2026-01-02\n")
    wrong = hubbub("jobs", "run", "usage", *at)
    assert (wrong.code, "did you mean config_start?" in wrong.err) == (2, True)
    config.write_text("[jobs.usage]\nschedule = 5\n")
    wrong = hubbub("jobs", "list", *at)
    assert (wrong.code, "[jobs.usage] schedule: '5' is not a schedule" in wrong.err) == (2, True)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("run",), "Which job? There are: usage."),
        (("run", "usgae"), "There is no job 'usgae'. Did you mean usage?"),
        (("run", "--due", "usage"), "--due takes no name"),
        (("run", "usage", "--now", "soon"), "--now: 'soon' is not a time"),
        (("run", "usage", "--strat", "2026-01-01"), "No such option"),
        (("run", "usage", "--start", "yesterday"), "--start cannot be 'yesterday'"),
        (("run", "usage", "--since", "7d"), "No such option"),
        (("run", "usage", "--end", "2020-01-01"), "is before the first"),
    ],
)
def test_wrong_usage_is_reported_and_changes_nothing(
    hubbub: Run, logins: Path, args: Sequence[str], message: str
) -> None:
    result = hubbub("jobs", *args, "--store", logins)
    assert (result.code, message in result.err) == (2, True), result.err
    listed = hubbub("jobs", "list", "--json", "--store", logins).json[0]
    assert (listed["state"], listed["checkpoint"]) == ("never", None)


def test_stored_days_outlive_their_events(hubbub: Run, logins: Path) -> None:
    at = ("--store", logins, "--now", "2026-01-04T05:00")

    def stored() -> Any:
        return hubbub("jobs", "run", "usage", "--json", *at).json["stored"]

    before = stored()
    assert list(before) == ["2026-01-01", "2026-01-02"]
    now = datetime(2026, 1, 4, 12, tzinfo=UTC)
    with Store.open(logins) as store:
        prune(store, now=now, events=timedelta(days=2), bodies=None)
        assert store.rows() == 1
        assert store.events().retention_cut == date(2026, 1, 3)
    for options in (
        ("--reset",),
        ("--start", "2026-01-01"),
        ("--reset", "--config-start", "2026-01-01"),
    ):
        result = hubbub("jobs", "run", "usage", *options, *at)
        assert result.code == 0, result.err
        assert stored() == before, options


def test_the_note_without_stored_days_states_whether_the_job_ran(
    hubbub: Run, imported: Any
) -> None:
    store = imported([("2026-01-03T10:00:00", "bob", "failed login")])
    query = ("query", "usage", "--json", "--store", store)
    assert "nothing is stored yet" in hubbub(*query).json["diagnostics"]["note"]
    assert hubbub("jobs", "run", "usage", "--store", store, "--now", "2026-01-04").code == 0
    note = hubbub(*query).json["diagnostics"]["note"]
    assert note.startswith("the job usage has read all days to 2026-01-04 and found none")
