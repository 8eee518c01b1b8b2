"""Forgetting: the name is nowhere and stays nowhere; no count changes, whatever dies between."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from hubbub.errors import UsageError
from hubbub.store import Selection, Store
from hubbub.store.delta import data_file
from hubbub.store.loader.loader import Loaded
from hubbub.store.privacy.forget import ForgetResult, entries, forget, preview
from hubbub.store.spool.folder import segments
from hubbub.store.state.pseudonyms import PSEUDONYM
from tests.support.filled_store import NAME, fill_state, history, places, put, rows

Make = Callable[..., Any]


def counts(store: Store) -> tuple[Any, ...]:
    """Every number that a chart may be drawn from, without any name of a user."""
    events = store.events()
    users = Counter(events.unnest_users().select("user").to_pyarrow().column(0).to_pylist())
    objects = Counter(events.unnest_objects().select("object").to_pyarrow().column(0).to_pylist())
    rows = events.select("time", "size", "category").to_pyarrow().to_pylist()
    by = Selection(by="agent")
    agents = Counter(
        store.events(by).unnest_users().select("user").to_pyarrow().column(0).to_pylist()
    )
    return (
        *(sorted(one.values()) for one in (users, agents, objects)),
        sorted((r["time"], r["size"], r["category"]) for r in rows),
        sum(n for source in store.state.counts().values() for n in source.values()),
        store.state.dead_letter_counts(),
        store.bodies.exists() and sum(f.rows for f in store.bodies.files()),
    )


def test_the_name_is_nowhere_and_no_count_changes(store: Store, frame: Make) -> None:
    put(store, *history(frame), bodies=True)
    store.load()
    fill_state(store)
    assert len(places(store.path, NAME)) > 20, "the helper sees it"
    before = counts(store)
    done = forget(store, f" {NAME} ", why=f"asked by {NAME}, ticket 7")
    assert PSEUDONYM.fullmatch(done.pseudonyms[0])
    assert done.events == 8
    assert places(store.path, NAME) == []
    assert counts(store) == before
    (entry,) = entries(store.state)
    assert (entry.pseudonym, entry.done) == (done.pseudonyms[0], True)
    assert entry.why == f"asked by {entry.pseudonym}, ticket 7"


def test_what_arrives_later_is_known_already_and_holds_no_name(store: Store, frame: Make) -> None:
    put(store, *history(frame), bodies=True)
    store.load()
    forget(store, NAME)
    before = counts(store)[:4]
    put(store, *history(frame), bodies=True)
    assert store.load() == Loaded(known=19, refused={"not-json": 1})
    assert counts(store)[:4] == before
    fill_state(store)
    assert places(store.path, NAME) == []
    put(store, frame(100, users=[NAME], agent=NAME), frame(101, users=[NAME], agent=NAME))
    assert store.load() == Loaded(new=2)
    assert places(store.path, NAME) == []


def test_live_and_rewritten_are_the_same(store: Store, frame: Make, tmp_path: Path) -> None:
    """Forget and then load gives the rows that load and then forget gives."""
    put(store, *history(frame))
    store.load()
    forget(store, NAME)
    with Store.open(tmp_path / "other") as other:
        put(other, *history(frame))
        with other.state.transaction() as db:
            key = store.state.rows("SELECT value FROM secrets")[0]
            db.execute("INSERT INTO secrets VALUES ('forget', ?)", key)
        forget(other, NAME)
        other.load()
        assert rows(other) == rows(store)
        assert other.state.counts() == store.state.counts()
        assert other.bounds() == store.bounds()


def test_two_spellings_stay_two_accounts_and_names_that_only_contain_it_stay(
    store: Store, frame: Make
) -> None:
    put(store, *history(frame))
    store.load()
    forget(store, NAME)
    by_id = {row["id"]: row for row in rows(store)}
    assert len({name for name in by_id["id-15"]["users"] if PSEUDONYM.fullmatch(name)}) == 2
    assert by_id["id-17"]["users"] == ["azoe.q-doe", "zoe.q-doe2"]
    pseudonym = by_id["id-10"]["agent"]
    assert by_id["id-11"]["objects"] == [f"forks/{pseudonym}/rpms/vim", "rpms/vim"]
    assert by_id["id-12"]["topic"] == f"org.fedoraproject.prod.git.branch.{pseudonym}.main"
    assert by_id["id-12"]["action"] == f"branch.{pseudonym}.main"
    assert by_id["id-13"]["category"] == "copr"
    assert [r["seq"] for r in rows(store) if r["id"].startswith("id-")] == [
        16,
        *range(14),
        15,
        17,
        18,
    ]


def test_only_files_with_the_name_are_rewritten_and_old_ones_are_gone(
    store: Store, frame: Make
) -> None:
    for n in range(3):
        put(store, frame(n))
        store.load()
    put(store, frame(10, users=[NAME]), frame(11))
    store.load()
    batch, before = store.table.batch(), {f.uri for f in store.table.files()}
    stray = store.table.folder / "month=2026-01" / "of-a-crash.parquet"
    stray.write_bytes(NAME.encode())
    forget(store, NAME)
    after = {f.uri for f in store.table.files()}
    assert len(before & after) == 3
    assert {str(p) for p in store.table.folder.glob("month=*/*")} == after
    assert len(list(store.table.log.glob("*.json"))) == 1
    assert store.table.batch() == batch, "the number of the loader's batches goes on"
    put(store, frame(10), frame(12))
    assert store.load() == Loaded(new=1, known=1)
    assert store.table.batch() == batch + 1
    version = store.table.version()
    assert forget(store, NAME).events == 0
    assert store.table.version() == version, "nothing to rewrite"


def test_a_compacted_file_of_several_row_groups(store: Store, frame: Make) -> None:
    put(store, *(frame(n, users=[NAME] if n == 12 else ["bob"]) for n in range(20)))
    store.load()
    (file,) = store.table.files()
    whole = pq.read_table(file.uri, partitioning=None).cast(store.table.schema)
    new = data_file.DataFileWriter(store.table, "2026-01", "compacted-x")
    for at in range(0, 20, 5):
        new.write(whole.slice(at, 5))
    store.table.replace([file], [new.close()])
    store.load()
    assert forget(store, NAME).events == 1
    assert [row["seq"] for row in rows(store)] == list(range(20))
    assert places(store.path, NAME) == []


def test_the_set_of_ids_is_read_again_only_where_an_id_held_the_name(
    store: Store, frame: Make
) -> None:
    put(store, *(frame(n, users=[NAME]) for n in range(6)))
    store.load()

    def known() -> int:
        return sum(path.stat().st_size // 8 for path in (store.path / "ids").glob("*.run"))

    assert known() == 6
    forget(store, NAME)
    assert known() == 6
    put(store, frame(7, id=f"{NAME}/7"))
    store.load()
    forget(store, "nobody")
    assert known() == 7
    assert store.rows() == 7


def test_an_open_segment_keeps_nothing_that_was_loaded(store: Store, frame: Make) -> None:
    writer = store.spool("listen")
    writer.put(frame(1, users=[NAME]))
    writer.flush()
    assert len(segments(store.spool_folder)) == 1
    forget(store, NAME)
    assert places(store.path, NAME) == []
    writer.put(frame(2, users=[NAME]))
    writer.flush()
    assert store.load() == Loaded(new=1)
    assert places(store.path, NAME) != [], "it waits in the spool until its segment is sealed"
    writer.close()
    store.load()
    assert places(store.path, NAME) == []
    assert store.rows() == 2
    assert store.dead_letters() == []


def test_several_people_one_after_the_other(store: Store, frame: Make) -> None:
    for n, name in enumerate(("anna", "anna-lena", "Jörg", "x_y")):
        put(store, frame(n, users=[name, "bob"], objects=[f"~{name}/x", "anna-lenas"]))
    store.load()
    forget(store, "anna")
    assert places(store.path, "lenas"), "an object loses the name, whatever hangs on it"
    # an account with a longer name is somebody else
    assert "anna-lena" in {u for row in rows(store) for u in row["users"]}
    put(store, frame(9, users=["JO\u0308RG"], topic="org.fedoraproject.prod.git.x.Jo\u0308rg"))
    for name in ("anna-lena", "jörg", "x_y"):
        forget(store, name)
        store.load()
        assert places(store.path, name) == []
    assert len(entries(store.state)) == 4
    assert len({u for row in rows(store) for u in row["users"]}) == 6


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "forgotten-0123456789abcdef", "x" * 300, "--"])
def test_what_is_no_name(store: Store, name: str) -> None:
    with pytest.raises(UsageError):
        forget(store, name)
    assert entries(store.state) == []


def test_what_it_would_do(store: Store, frame: Make) -> None:
    put(store, *history(frame), bodies=True)
    store.load()
    planned = preview(store, NAME)
    assert (planned.events, planned.bodies) == (8, 8)
    assert entries(store.state) == []
    assert store.table.version() == 1
    assert planned.pseudonyms == (), "the key that makes it is drawn when somebody is forgotten"
    done = forget(store, NAME)
    assert (done.events, done.bodies) == (8, 8)
    assert preview(store, NAME).pseudonyms == done.pseudonyms


def test_the_journal_is_no_name_for_anybody(store: Store, frame: Make) -> None:
    forget(store, NAME)
    text = json.dumps([list(map(str, row)) for row in store.state.rows("SELECT * FROM forgotten")])
    assert NAME not in text
    assert isinstance(forget(store, NAME), ForgetResult)
    assert len(entries(store.state)) == 1
