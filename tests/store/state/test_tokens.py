"""Tokens of the server and sessions of browsers."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hubbub.errors import UsageError
from hubbub.store import Store
from hubbub.store.privacy.forget import forget
from hubbub.store.state import tokens
from hubbub.store.state.database import State
from hubbub.store.state.schema import APPLICATION, STEPS

NOW = 1_700_000_000_000_000
DAY = 86_400_000_000


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with State(tmp_path / "state.sqlite") as state:
        yield state


def test_a_token_is_found_by_its_secret_alone(state: State) -> None:
    token, secret = tokens.add(state, "ci", ["write", "read"], now=NOW, expires=None)
    assert token == tokens.Token(1, "ci", ("read", "write"), None, NOW, None)
    assert tokens.find(state, secret, now=NOW + 10_000 * DAY) == token
    for other in ("", "ci", secret[:-1], secret + "x", secret.upper(), "x" * 10_000, "\ud800"):
        assert tokens.find(state, other, now=NOW) is None


def test_the_secret_has_256_random_bits_and_is_stored_nowhere(tmp_path: Path) -> None:
    secrets = set()
    with State(tmp_path / "state.sqlite") as state:
        for i in range(20):
            token, secret = tokens.add(state, f"t{i}", ["read"], now=NOW, expires=None)
            session, _ = tokens.open_session(state, token, now=NOW)
            secrets |= {secret, session}
    assert len(secrets) == 40
    assert min(len(secret.removeprefix("hubbub_")) for secret in secrets) == 43  # 32 bytes
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not [secret for secret in secrets if secret.encode() in stored]


@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [
        (["read"], {"read"}),
        (["people"], {"people", "read"}),
        (["write"], {"write"}),
        (["admin"], {"read", "people", "write", "admin"}),
    ],
)
def test_people_includes_read_and_admin_includes_all(
    state: State, scopes: list[str], allowed: set[str]
) -> None:
    token, _ = tokens.add(state, "t", scopes, now=NOW, expires=None)
    assert {scope for scope in tokens.SCOPES if token.allows(scope)} == allowed


def test_a_token_and_its_sessions_are_refused_from_its_expiry_on(state: State) -> None:
    token, secret = tokens.add(state, "t", ["read"], now=NOW, expires=NOW + DAY)
    session, end = tokens.open_session(state, token, now=NOW)
    assert end == NOW + DAY
    for now, valid in ((NOW + DAY - 1, True), (NOW + DAY, False)):
        assert (tokens.find(state, secret, now=now) is not None) == valid
        assert (tokens.find_session(state, session, now=now) is not None) == valid


def test_a_session_ends_after_thirty_days_and_when_it_is_closed(state: State) -> None:
    token, secret = tokens.add(state, "t", ["read"], now=NOW, expires=None)
    first, end = tokens.open_session(state, token, now=NOW)
    assert end == NOW + 30 * DAY
    assert tokens.find_session(state, first, now=end - 1) == token
    assert tokens.find_session(state, first, now=end) is None
    second, _ = tokens.open_session(state, token, now=NOW)
    tokens.close_session(state, second)
    tokens.close_session(state, "unknown")
    assert tokens.find_session(state, second, now=NOW) is None
    assert tokens.find(state, secret, now=NOW) == token
    assert tokens.find(state, first, now=NOW) is None  # a session is no token, a token no session
    assert tokens.find_session(state, secret, now=NOW) is None


def test_a_revoked_token_takes_its_sessions_along_and_its_name_is_free(state: State) -> None:
    token, secret = tokens.add(state, "t", ["read"], now=NOW, expires=None)
    session, _ = tokens.open_session(state, token, now=NOW)
    assert tokens.revoke(state, "t") == token
    assert tokens.find(state, secret, now=NOW) is None
    assert tokens.find_session(state, session, now=NOW) is None
    with pytest.raises(UsageError, match="there is no token 't'"):
        tokens.revoke(state, "t")
    again, _ = tokens.add(state, "t", ["admin"], now=NOW, expires=None)
    assert again.number != token.number  # sessions of the old one can never be the new one's
    assert tokens.listed(state) == [again]


def test_a_token_has_a_bounded_number_of_sessions(state: State) -> None:
    token, _ = tokens.add(state, "t", ["read"], now=NOW, expires=None)
    sessions = [tokens.open_session(state, token, now=NOW + i)[0] for i in range(103)]
    open_ = [tokens.find_session(state, s, now=NOW + 200) is not None for s in sessions]
    assert open_ == [False] * 3 + [True] * 100


@pytest.mark.parametrize(
    ("name", "scopes", "person", "message"),
    [
        ("", ["read"], None, "1 to 100 printable characters"),
        ("x" * 101, ["read"], None, "1 to 100 printable characters"),
        ("a\nb", ["read"], None, "1 to 100 printable characters"),
        ("t", ["read", "root"], None, "no scope 'root'"),
        ("t", [], None, "needs a scope"),
        ("t", ["read"], "alice", "has no scope"),
    ],
)
def test_what_is_no_token_is_refused(
    state: State, name: str, scopes: list[str], person: str | None, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        tokens.add(state, name, scopes, person=person, now=NOW, expires=None)
    assert tokens.listed(state) == []


def test_two_tokens_of_one_name_are_refused(state: State) -> None:
    tokens.add(state, "t", ["read"], now=NOW, expires=None)
    with pytest.raises(UsageError, match="a token 't' already") as e:
        tokens.add(state, "t", ["write"], now=NOW, expires=None)
    assert "hubbub tokens revoke t" in e.value.hint


def test_the_page_of_a_forgotten_person_opens_no_more(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store") as store:
        state = store.state
        alice, link = tokens.add(state, "page of alice", person="alice", now=NOW, expires=None)
        session, _ = tokens.open_session(state, alice, now=NOW)
        _, other = tokens.add(state, "bob", person="bob", now=NOW, expires=None)
        assert tokens.find(state, link, now=NOW) == alice
        forget(store, "alice", "asked for it")
        assert tokens.find(state, link, now=NOW) is None
        assert tokens.find_session(state, session, now=NOW) is None
        assert tokens.find(state, other, now=NOW) is not None
        with pytest.raises(UsageError, match="this name was forgotten"):
            tokens.add(state, "again", person="Alice", now=NOW, expires=None)
        with pytest.raises(UsageError, match="this name was forgotten"):
            tokens.add(state, "of alice", ["read"], now=NOW, expires=None)
    stored = b"".join(p.read_bytes() for p in (tmp_path / "store").glob("state.sqlite*"))
    assert b"alice" not in stored


def test_a_state_of_the_version_before_gets_the_tables(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    version = next(i for i, step in enumerate(STEPS) if "CREATE TABLE tokens" in "".join(step))
    with closing(sqlite3.connect(path)) as db:
        for step in STEPS[:version]:
            for statement in step:
                db.execute(statement)
        db.execute(f"PRAGMA application_id = {APPLICATION}")
        db.execute(f"PRAGMA user_version = {version}")
        db.commit()
    with State(path) as state:
        _, secret = tokens.add(state, "t", ["read"], now=NOW, expires=None)
        assert tokens.find(state, secret, now=NOW) is not None
