"""What event handlers change, until it is committed with their places."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hubbub.run.injection import State as PluginState
from hubbub.store import Store
from hubbub.store.privacy.forget import forget
from hubbub.store.state import database
from hubbub.store.state.documents import Documents
from hubbub.store.state.overlay import Overlay, commit
from hubbub.store.state.schema import STEPS


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "s") as store:
        yield store


@pytest.fixture
def overlay(store: Store) -> Iterator[Overlay]:
    with Overlay(store.state.path) as overlay:
        yield overlay


def nothing() -> None:
    """Write no place."""


def test_a_handler_reads_what_it_wrote_and_nobody_else_does(store: Store, overlay: Overlay) -> None:
    stored = Documents(store.state, "m")
    stored["c"]["old"] = 1
    stored["c"]["gone"] = 2
    with overlay.session():
        own = Documents(overlay, "m")["c"]
        own["new"] = {"n": [1]}
        own["old"] = 3
        del own["gone"]
        assert dict(own) == {"new": {"n": [1]}, "old": 3}
        assert len(own) == 2
        assert own.between("a", "nz") == {"new": {"n": [1]}}
        assert Documents(overlay, "m").collections() == ["c"]
        assert dict(stored["c"]) == {"gone": 2, "old": 1}
        with pytest.raises(KeyError):
            del own["gone"]
        with pytest.raises(KeyError):
            own["gone"]
        own.clear()
        assert list(own) == []
    with overlay.session():
        assert dict(Documents(overlay, "m")["c"]) == {"gone": 2, "old": 1}, (
            "the session was dropped"
        )


def test_commit_writes_everything_or_nothing(store: Store, overlay: Overlay) -> None:
    Documents(store.state, "m")["c"]["gone"] = 1
    with overlay.session():
        Documents(overlay, "m")["c"]["k"] = "v"
        del Documents(overlay, "m")["c"]["gone"]
        PluginState(overlay, "m").inc("n", 5)
        changes = overlay.changes(["m"])
    with pytest.raises(RuntimeError):
        commit(store.state, changes, fail)
    assert dict(Documents(store.state, "m")["c"]) == {"gone": 1}
    assert commit(store.state, changes, lambda: store.state.set("handler:x", {"at": 1}))
    assert dict(Documents(store.state, "m")["c"]) == {"k": "v"}
    assert PluginState(store.state, "m").get("n") == 5
    assert store.state.get("handler:x") == {"at": 1}


def fail() -> None:
    raise RuntimeError


def test_what_fails_within_a_transaction_is_dropped_alone(store: Store, overlay: Overlay) -> None:
    documents = Documents(overlay, "m")

    def fail_within() -> None:
        with documents["c"].transaction():
            documents["c"]["dropped"] = 2
            with documents["c"].transaction():
                documents["c"]["inner"] = 3
            fail()

    with overlay.session():
        documents["c"]["kept"] = 1
        with pytest.raises(RuntimeError):
            fail_within()
        assert dict(documents["c"]) == {"kept": 1}


@pytest.mark.parametrize("kind", ["document", "deletion", "state", "value"])
def test_a_change_by_somebody_else_is_noticed(store: Store, overlay: Overlay, kind: str) -> None:
    Documents(store.state, "m")["c"]["k"] = 1
    PluginState(store.state, "m").set("s", 1)
    with overlay.session():
        documents = Documents(overlay, "m")["c"]
        documents["k"] = documents["k"] + 1
        changes = overlay.changes(["m"])
    match kind:
        case "document":
            Documents(store.state, "m")["other"]["x"] = 1
        case "deletion":
            del Documents(store.state, "m")["c"]["k"]
        case "state":
            PluginState(store.state, "m").set("new", 1)
        case _:
            Documents(store.state, "m")["c"]["k"] = 10
    assert not commit(store.state, changes, fail), "nothing is written, the places neither"


def test_changes_of_other_modules_do_not_matter(store: Store, overlay: Overlay) -> None:
    with overlay.session():
        Documents(overlay, "m")["c"]["k"] = 1
        changes = overlay.changes(["m"])
    Documents(store.state, "other")["c"]["k"] = 1
    PluginState(store.state, "another").inc("n")
    store.state.set("plugin", 3)
    assert commit(store.state, changes, nothing)
    with overlay.session():
        Documents(overlay, "m")["c"]["k"] = 2
        changes = overlay.changes(["m"])
    assert commit(store.state, changes, nothing), "its own commits are known"


def test_each_session_sees_one_moment(store: Store, overlay: Overlay) -> None:
    with overlay.session():
        own = Documents(overlay, "m")["c"]
        assert len(own) == 0
        Documents(store.state, "m")["c"]["k"] = 1
        assert len(own) == 0
    with overlay.session():
        assert len(Documents(overlay, "m")["c"]) == 1


def test_names_that_are_forgotten_meanwhile_are_not_written(store: Store, overlay: Overlay) -> None:
    with overlay.session():
        Documents(overlay, "m")["c"]["marlene"] = {"user": "marlene", "note": "of marlene"}
        PluginState(overlay, "m").set("last", "marlene")
        changes = overlay.changes(["m"])
    forget(store, "marlene")
    assert commit(store.state, changes, nothing)
    assert "marlene" not in str(store.state.rows("SELECT * FROM documents"))
    assert "marlene" not in str(store.state.rows("SELECT * FROM checkpoints"))


def test_a_store_of_before_gets_the_revisions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = next(n for n, step in enumerate(STEPS) if "CREATE TABLE revisions" in step[0])
    with monkeypatch.context() as patch:
        patch.setattr(database, "STEPS", STEPS[:before])
        Store.open(tmp_path / "old").close()
    with Store.open(tmp_path / "old") as store:
        documents = Documents(store.state, "m")["c"]
        for n in range(3):
            documents["k"] = n
        assert store.state.rows("SELECT * FROM revisions") == [("m", 3)]
