"""Forgetting an account: its name is nowhere and never returns; no count changes."""

import json
from collections import Counter
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
from tests.support.stores.filled_store import NAME, fill_state, history, places, rows
from tests.support.stores.filling import MakeFrame, put


def counts(store: Store) -> tuple[Any, ...]:
    """All numbers that charts are drawn from, without the names of users."""
    events = store.events()
    users = Counter(events.unnest_users().select("user").to_pyarrow().column(0).to_pylist())
    objects = Counter(events.unnest_objects().select("object").to_pyarrow().column(0).to_pylist())
    rows = events.select("time", "size", "category").to_pyarrow().to_pylist()
    by = Selection(by="agent")
    agents = Counter(
        store.events(by).unnest_users().select("user").to_pyarrow().column(0).to_pylist()
    )
    return (
        *(sorted(counter.values()) for counter in (users, agents, objects)),
        sorted((r["time"], r["size"], r["category"]) for r in rows),
        sum(n for source in store.state.counts().values() for n in source.values()),
        store.state.dead_letter_counts(),
        store.bodies.exists() and sum(f.rows for f in store.bodies.files()),
    )


def test_the_name_is_nowhere_and_no_count_changes(store: Store, frame: MakeFrame) -> None:
    put(store, *history(frame), bodies=True)
    store.load()
    fill_state(store)
    assert len(places(store.path, NAME)) > 20, "the helper detects it"
    before = counts(store)
    result = forget(store, f" {NAME} ", why=f"requested by {NAME}, ticket 7")
    assert PSEUDONYM.fullmatch(result.pseudonyms[0])
    assert result.events == 8
    assert places(store.path, NAME) == []
    assert counts(store) == before
    (entry,) = entries(store.state)
    assert (entry.pseudonym, entry.done) == (result.pseudonyms[0], True)
    assert entry.why == f"requested by {entry.pseudonym}, ticket 7"


def test_later_messages_are_recognised_as_known_and_lose_the_name(
    store: Store, frame: MakeFrame
) -> None:
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


def test_the_order_of_loading_and_forgetting_does_not_matter(
    store: Store, frame: MakeFrame, tmp_path: Path
) -> None:
    """Forgetting before loading gives the same rows as forgetting after it."""
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


def test_spellings_stay_distinct_and_longer_names_are_kept(store: Store, frame: MakeFrame) -> None:
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


def test_only_files_with_the_name_are_rewritten_and_old_ones_are_deleted(
    store: Store, frame: MakeFrame
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
    assert store.table.batch() == batch, "the batch number continues"
    put(store, frame(10), frame(12))
    assert store.load() == Loaded(new=1, known=1)
    assert store.table.batch() == batch + 1
    version = store.table.version()
    assert forget(store, NAME).events == 0
    assert store.table.version() == version, "nothing to rewrite"


def test_a_compacted_file_of_several_row_groups(store: Store, frame: MakeFrame) -> None:
    put(store, *(frame(n, users=[NAME] if n == 12 else ["bob"]) for n in range(20)))
    store.load()
    (file,) = store.table.files()
    table = pq.read_table(file.uri, partitioning=None).cast(store.table.schema)
    new = data_file.DataFileWriter(store.table, "2026-01", "compacted-x")
    for at in range(0, 20, 5):
        new.write(table.slice(at, 5))
    store.table.replace([file], [new.close()])
    store.load()
    assert forget(store, NAME).events == 1
    assert [row["seq"] for row in rows(store)] == list(range(20))
    assert places(store.path, NAME) == []


def test_the_id_index_is_rebuilt_only_if_an_id_contained_the_name(
    store: Store, frame: MakeFrame
) -> None:
    put(store, *(frame(n, users=[NAME]) for n in range(6)))
    store.load()

    def indexed() -> int:
        return sum(path.stat().st_size // 8 for path in (store.path / "ids").glob("*.run"))

    assert indexed() == 6
    forget(store, NAME)
    assert indexed() == 6
    put(store, frame(7, id=f"{NAME}/7"))
    store.load()
    forget(store, "unknown")
    assert indexed() == 7
    assert store.rows() == 7


def test_the_loaded_part_of_an_open_segment_is_overwritten(store: Store, frame: MakeFrame) -> None:
    writer = store.spool("listen")
    writer.put(frame(1, users=[NAME]))
    writer.flush()
    assert len(segments(store.spool_folder)) == 1
    forget(store, NAME)
    assert places(store.path, NAME) == []
    writer.put(frame(2, users=[NAME]))
    writer.flush()
    assert store.load() == Loaded(new=1)
    assert places(store.path, NAME) != [], "it is in the spool until its segment is sealed"
    writer.close()
    store.load()
    assert places(store.path, NAME) == []
    assert store.rows() == 2
    assert store.dead_letters() == []


def test_several_accounts_one_after_the_other(store: Store, frame: MakeFrame) -> None:
    for n, name in enumerate(("anna", "anna-lena", "Jörg", "x_y")):
        put(store, frame(n, users=[name, "bob"], objects=[f"~{name}/x", "anna-lenas"]))
    store.load()
    forget(store, "anna")
    assert places(store.path, "lenas"), "an object loses the name only as a whole word"
    # a longer name is another account
    assert "anna-lena" in {u for row in rows(store) for u in row["users"]}
    put(store, frame(9, users=["JO\u0308RG"], topic="org.fedoraproject.prod.git.x.Jo\u0308rg"))
    for name in ("anna-lena", "jörg", "x_y"):
        forget(store, name)
        store.load()
        assert places(store.path, name) == []
    assert len(entries(store.state)) == 4
    assert len({u for row in rows(store) for u in row["users"]}) == 6


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "forgotten-0123456789abcdef", "x" * 300, "--"])
def test_invalid_names_are_refused(store: Store, name: str) -> None:
    with pytest.raises(UsageError):
        forget(store, name)
    assert entries(store.state) == []


def test_a_preview_changes_nothing(store: Store, frame: MakeFrame) -> None:
    put(store, *history(frame), bodies=True)
    store.load()
    planned = preview(store, NAME)
    assert (planned.events, planned.bodies) == (8, 8)
    assert entries(store.state) == []
    assert store.table.version() == 1
    assert planned.pseudonyms == (), "its key is generated with the first forgotten account"
    result = forget(store, NAME)
    assert (result.events, result.bodies) == (8, 8)
    assert preview(store, NAME).pseudonyms == result.pseudonyms


def test_the_journal_does_not_contain_the_name(store: Store, frame: MakeFrame) -> None:
    forget(store, NAME)
    text = json.dumps([list(map(str, row)) for row in store.state.rows("SELECT * FROM forgotten")])
    assert NAME not in text
    assert isinstance(forget(store, NAME), ForgetResult)
    assert len(entries(store.state)) == 1
