"""The journal of posted events."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from hubbub.errors import StoreError
from hubbub.store import Store
from hubbub.store.journal.journal import NAME, Journal, exists


def body(*events: dict[str, object]) -> str:
    return json.dumps(list(events))


def test_rows_keep_order_and_numbers(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        assert journal.append([body({"n": 1}), body({"n": 2}, {"n": 3})], 7) == [1, 2]
        assert journal.append([body({"n": 4})], 8) == [3]
    with Journal(tmp_path) as journal:
        rows = journal.after(1, 10, 1 << 20)
        assert [(row.number, row.received, row.events()) for row in rows] == [
            (2, 7, [{"n": 2}, {"n": 3}]),
            (3, 8, [{"n": 4}]),
        ]
        assert journal.last() == 3


def test_after_is_bounded_by_size_but_returns_one(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.append([body({"text": "x" * 100})] * 3, 1)
        assert len(journal.after(0, 10, 1)) == 1
        assert len(journal.after(0, 2, 1 << 20)) == 2


def test_rows_leave_when_spooled_and_passed_and_numbers_are_not_used_again(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.append([body({"n": n}) for n in range(4)], 1)
        assert journal.delete_passed(4) == 0, "nothing is in the spool yet"
        journal.mark_spooled(3)
        assert journal.delete_passed(2) == 2
        assert journal.delete_passed(None) == 1, "without a handler, the spool is enough"
        journal.mark_spooled(4)
        journal.mark_spooled(1)
        assert journal.spooled == 4, "it never goes back"
        assert journal.delete_passed(4) == 1
        assert journal.waiting() == 0
    with Journal(tmp_path) as journal:
        assert journal.append([body({"n": 9})], 1) == [5]


def test_the_key_stays(tmp_path: Path) -> None:
    with Journal(tmp_path) as first:
        key = first.key
    with Journal(tmp_path) as again:
        assert again.key == key
    (tmp_path / "other").mkdir()
    with Journal(tmp_path / "other") as other:
        assert other.key != key


def test_two_processes_append(tmp_path: Path) -> None:
    with Journal(tmp_path) as one, Journal(tmp_path) as other:
        numbers = (
            one.append([body({})], 1) + other.append([body({})], 1) + one.append([body({})], 1)
        )
        assert numbers == [1, 2, 3]


def test_rewriting_leaves_nothing_behind(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.append([body({"user": "marlene"}), body({"user": "bob"})], 1)
        changed = journal.rewrite(
            lambda events: [{**e, "user": e["user"].replace("marlene", "x")} for e in events]
        )
        assert changed == 1
        assert [row.events() for row in journal.after(0, 9, 999)] == [
            [{"user": "x"}],
            [{"user": "bob"}],
        ]
        for path in tmp_path.glob(f"{NAME}*"):
            assert b"marlene" not in path.read_bytes()


def test_forget_reaches_it(tmp_path: Path) -> None:
    from hubbub.store.privacy.forget import forget

    with Store.open(tmp_path / "s") as store, Journal(store.path) as journal:
        journal.append([body({"user": "marlene", "note": "hello marlene"})], 1)
        forget(store, "marlene")
        (event,) = journal.after(0, 9, 9999)[0].events()
        assert event["user"].startswith("forgotten-")
        assert "marlene" not in event["note"]


def test_verify_knows_it(tmp_path: Path) -> None:
    from hubbub.store.maintenance.verify import verify

    with Store.open(tmp_path / "s") as store:
        assert not exists(store.path)
        assert "journal:batches" not in verify(store).checked
        with Journal(store.path) as journal:
            journal.append([body({}), '{"no": "list"}'], 1)
            report = verify(store)
            assert report.checked["journal:batches"] == 2
            assert [(f.part, f.what) for f in report.faults] == [
                ("journal", "row 2 is not a list of events")
            ]


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"no database at all, but a text that is long enough" * 40)
    with pytest.raises(StoreError):
        Journal(tmp_path)


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    script = textwrap.dedent(
        """
        import json, sys
        from pathlib import Path
        from hubbub.store.journal.journal import Journal
        journal = Journal(Path(sys.argv[1]))
        n = 0
        while True:
            journal.append([json.dumps([{"n": n + i}]) for i in range(3)], 1)
            n += 3
            print(n, flush=True)
        """
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        acknowledged = 0
        for _ in range(20):
            acknowledged = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
        rest = process.stdout.read().split()
    acknowledged = max([acknowledged, *map(int, rest)])
    with Journal(tmp_path) as journal:
        stored = [row.events()[0]["n"] for row in journal.after(0, 10**6, 1 << 30)]
    assert stored[:acknowledged] == list(range(acknowledged))
    assert len(stored) % 3 == 0, "a group of rows is there as a whole"
