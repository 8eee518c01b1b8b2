"""The examples of docs/servers.md work as printed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from hubbub import config
from hubbub.calls.configured import configured_servers
from hubbub.errors import UsageError
from tests.support.http import serving
from tests.support.paths import ROOT
from tests.support.stores.small_store import fill, lines

PAGE = (ROOT / "docs" / "servers.md").read_text()
PLUGIN = """
from hubbub import query

@query
def reviews(user: str = "nobody"):
    return f"reviews of {user}"

@query(name="ns.name")
def dotted():
    return "dotted"
"""


def test_the_examples_run_as_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("BUILDS_TOKEN", "hubbub_secret")
    monkeypatch.chdir(tmp_path)
    for name in ("store", "other"):
        fill(tmp_path / name, lines(20))
    (tmp_path / "plugin.py").write_text(PLUGIN)
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 3
    names: dict[str, Any] = {}
    with serving(tmp_path / "other", plugins=[tmp_path / "plugin.py"]) as served:
        code = "".join(blocks).replace("https://builds.example.org", served.url)
        code = code.replace('since="30d"', 'until="2026-02-01"')  # its events are older
        exec(compile(code, "servers.md", "exec"), names)
        both, part, builds = names["both"], names["part"], names["builds"]
        assert "reviews" in dir(both.query)
        assert "reviews" not in dir(names["store"].query)
        assert part.query.reviews() == "reviews of ann"
        assert dir(part.query) == ["reviews", "volume"]
        assert builds.query("ns.name") == "dotted"
        with pytest.raises(TypeError):
            part.query.reviews(user="bob")
        names["store"].close()


def test_the_configuration_is_valid(tmp_path: Path) -> None:
    [block] = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    file = tmp_path / "hubbub.toml"
    file.write_text(block)
    (tmp_path / "private.token").write_text("hubbub_secret\n")
    servers = configured_servers(config.load(file).servers)
    assert [(server.name, server.url) for server in servers] == [
        ("builds", "https://builds.example.org"), ("private", "https://private.example.org"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ('far = "ftp://x"', r"\[servers\] far: 'ftp://x' is not the address"),
        ('far = {url = "http://x", timeout = "soon"}', r"\[servers\] far: timeout: "),
        ('far = {url = "http://x", token_file = "none"}', "the file of the token cannot be read"),
        ('far = {url = "http://x", tokenfile = "t"}', "unknown key servers.far.tokenfile"),
        ('far = {timeout = "1s"}', "missing required field `url`"),
        ("far = 3", "Expected `str | object`"),
    ],
)
def test_mistakes_in_the_configuration(tmp_path: Path, section: str, message: str) -> None:
    file = tmp_path / "hubbub.toml"
    file.write_text(f"[servers]\n{section}\n")
    with pytest.raises(UsageError, match=message):
        configured_servers(config.load(file).servers)
