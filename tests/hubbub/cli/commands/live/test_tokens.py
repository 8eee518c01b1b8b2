"""`hubbub tokens`: adding, listing and revoking."""

import time
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from hubbub.store import Store
from hubbub.store.state import tokens
from tests.support.commandline import Run


def found(folder: Path, secret: str) -> tokens.Token | None:
    with Store.open(folder) as store:
        return tokens.find(store.state, secret, now=time.time_ns() // 1000)


def test_a_token_is_shown_once_and_opens_what_its_scopes_say(hubbub: Run, store: Path) -> None:
    at = ("--store", store)
    added = hubbub("tokens", "add", "ci", "--scope", "read, write", "--expires", "30d", *at)
    assert added.code == 0
    assert "This token is shown only now." in added.err
    facts = dict(line.split(": ", 1) for line in added.out.splitlines())
    assert facts["scopes"] == "read write"
    length = datetime.fromisoformat(facts["expires"]) - datetime.fromisoformat(facts["created"])
    assert length == timedelta(days=30)
    token = found(store, facts["token"])
    assert token is not None
    assert token.scopes == ("read", "write")
    for arguments in (("list",), ("list", "--json")):
        listed = hubbub("tokens", *arguments, *at)
        assert "ci" in listed.out
        assert facts["token"] not in listed.out + listed.err
    assert hubbub("tokens", "revoke", "ci", "--json", *at).json == {"revoked": "ci"}
    assert found(store, facts["token"]) is None
    assert hubbub("tokens", "list", "--json", *at).json == []


def test_a_link_to_a_persons_own_page_names_the_person_that_accounts_were_merged_to(
    hubbub: Run, store: Path
) -> None:
    at = ("--store", store)
    assert hubbub("identity", "merge", "bob", "alice", "--why", "keys", *at).code == 0
    added = hubbub("tokens", "add", "--person", "bob", "--json", *at,
                   "--url", "https://example.org/load/")  # fmt: skip
    facts = added.json
    assert (facts["name"], facts["person"], facts["scopes"]) == ("page of alice", "alice", [])
    link = urlsplit(facts["link"])
    assert (link.scheme, link.netloc, link.path) == ("https", "example.org", "/load/me")
    token = found(store, parse_qs(link.query)["token"][0])
    assert token is not None
    assert (token.person, token.scopes) == ("alice", ())
    assert not any(token.allows(scope) for scope in tokens.SCOPES)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["add"], "the token needs a name"),
        (["add", "x"], "a token needs a scope"),
        (["add", "x", "--scope", "red"], "there is no scope 'red'"),
        (["add", "x", "--scope", "read", "--expires", "soon"], "--expires"),
        (["add", "x", "--scope", "read", "--person", "alice"], "has no scope"),
        (["add", "--person", "alice", "--url", "ftp://x"], "--url"),
        (["revoke", "x"], "there is no token 'x'"),
    ],
)
def test_what_is_refused(hubbub: Run, store: Path, arguments: list[str], message: str) -> None:
    result = hubbub("tokens", *arguments, "--store", store)
    assert result.code == 2
    assert message in result.err
    assert hubbub("tokens", "list", "--json", "--store", store).json == []


def test_listing_and_revoking_create_no_store(hubbub: Run, tmp_path: Path) -> None:
    at = ("--store", tmp_path / "none")
    assert hubbub("tokens", "list", "--json", *at).json == []
    assert hubbub("tokens", "revoke", "x", *at).code == 2
    assert not (tmp_path / "none").exists()


def test_a_link_has_the_address_of_the_configuration(
    hubbub: Run, store: Path, tmp_path: Path
) -> None:
    def link(section: str) -> str:
        file = tmp_path / "hubbub.toml"
        file.write_text(f"[serve]\n{section}\n")
        added = hubbub("tokens", "add", "--person", f"p{len(section)}", "--json", "--config", file,
                       "--store", store)  # fmt: skip
        return str(added.json["link"]).partition("?")[0]

    assert link("port = 80") == "http://127.0.0.1:80/me"
    assert link("root_path = '/load'") == "http://127.0.0.1:8717/load/me"
    assert link("host = '::1'") == "http://[::1]:8717/me"
    assert link("host = '0.0.0.0'\nhosts = ['*.x', 'b.x']") == "http://b.x:8717/me"


def test_a_link_for_nobody_is_made_with_a_note(hubbub: Run, store: Path) -> None:
    added = hubbub("tokens", "add", "--person", "alise", "--json", "--store", store)
    assert added.code == 0
    assert "note: no user matches 'alise'" in added.err
    assert "near: alice" in added.err
    assert "note" not in hubbub("tokens", "add", "--person", "alice", "--store", store).err
