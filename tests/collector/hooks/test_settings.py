"""The section `[hooks.NAME]`."""

from __future__ import annotations

import pytest

from hubbub import config
from hubbub.collector.hooks.settings import GitHubHook, Hook, read_hooks
from hubbub.config import HookConfig
from hubbub.errors import UsageError


def read(name="github", *, loopback=True, **keys) -> Hook:
    return read_hooks({name: HookConfig(**keys)}, loopback=loopback)[name]


def test_kinds():
    for kind in ("github", "gitlab", "forgejo", "discourse", "generic"):
        assert read(kind, secret="s").kind == kind
    hook = read("work", kind="github", secret="s")
    assert (hook.kind, hook.source, hook.secrets) == ("github", "hook:work", ("s",))


def test_secrets(tmp_path):
    file = tmp_path / "secret"
    file.write_text("new\n\n  old \n")
    assert read(secret_file=str(file)).secrets == ("new", "old")
    assert read(secret=("a", "b")).secrets == ("a", "b")
    assert "top" not in repr(read(secret="top"))


def test_healing(tmp_path):
    token = tmp_path / "token"
    token.write_text("t\n")
    keys = {"secret": "s", "hook_id": 7, "token_file": str(token)}
    assert read(repository="o/n", **keys).github == GitHubHook(
        "repos/o/n", 7, token, "https://api.github.com"
    )
    assert read(organization="o", api="https://git.example.org/api/v3/", **keys).github == (
        GitHubHook("orgs/o", 7, token, "https://git.example.org/api/v3")
    )


@pytest.mark.parametrize(
    ("name", "keys", "what"),
    [
        ("github", {}, "has no secret"),
        ("github", {"secret": ""}, "has no secret"),
        ("github", {"secret": ("a", " ")}, "has no secret"),
        ("work", {"secret": "s"}, "not known who sends"),
        ("../x", {"secret": "s", "kind": "github"}, "cannot name a hook"),
        ("A", {"secret": "s", "kind": "github"}, "cannot name a hook"),
        ("github", {"secret": "s", "insecure": True}, "cannot be `insecure`"),
        ("github", {"secret": "s", "signature_header": "X-S"}, "kind generic only"),
        ("generic", {"secret": "s", "signature_header": "X: S"}, "cannot be a header"),
        ("gitlab", {"secret": "whsec_*"}, "not a signing token"),
        ("github", {"secret_file": "/nonexistent"}, "cannot be read"),
        ("gitlab", {"secret": "s", "repository": "o/n"}, "only GitHub"),
        ("github", {"secret": "s", "repository": "o/n"}, "needs `hook_id`"),
        ("github", {"secret": "s", "hook_id": 1, "token_file": "TOKEN"}, "needs `repository`"),
        ("github", {"secret": "s", "hook_id": 1, "token_file": "TOKEN", "repository": "o/n/m"},
         "not on GitHub"),
        ("github", {"secret": "s", "hook_id": 0, "token_file": "TOKEN", "repository": "o/n"},
         "not the number of a hook"),
        ("github", {"secret": "s", "hook_id": 1, "token_file": "TOKEN", "repository": "o/n",
                    "api": "http://api.example.org"}, "no address of an API"),
        ("github", {"secret": "s", "api": "https://api.example.org"}, "needs `repository`"),
    ],
)  # fmt: skip
def test_mistakes(tmp_path, name, keys, what):
    if "token_file" in keys:
        keys = {**keys, "token_file": str(tmp_path / "token")}
        (tmp_path / "token").write_text("t")
    with pytest.raises(UsageError, match=what) as error:
        read(name, **keys)
    assert error.value.where


def test_an_empty_file_of_secrets(tmp_path):
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(UsageError, match="empty"):
        read(secret_file=str(tmp_path / "empty"))


def test_unsigned_deliveries_only_from_this_machine():
    assert read(insecure=True).secrets == ()
    with pytest.raises(UsageError, match="from anyone"):
        read(insecure=True, loopback=False)


def test_the_configuration(tmp_path):
    file = tmp_path / "hubbub.toml"
    file.write_text(
        '[hooks.github]\nsecret_file = "s"\nrules = "r.toml"\n[hooks.b]\nsecret = ["a", "b"]\n'
    )
    hooks = config.load(file).hooks
    assert hooks["github"].secret_file == str(tmp_path / "s")
    assert hooks["github"].rules == str(tmp_path / "r.toml")
    assert hooks["b"].secret == ("a", "b")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('[hooks.github]\nsecrt = "x"', "unknown key hooks.github.secrt"),
        ('[hooks.github]\nkind = "svn"', "wrong value"),
        ("[hooks]\ngithub = 1", "wrong value"),
    ],
)
def test_mistakes_in_the_configuration(tmp_path, text, what):
    file = tmp_path / "hubbub.toml"
    file.write_text(text)
    with pytest.raises(UsageError, match=what):
        config.load(file)
