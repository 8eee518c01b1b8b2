"""What docs/hooks.md shows works."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from hubbub import config
from hubbub.collector.hooks.settings import read_hooks
from hubbub.collector.hooks.signatures import KINDS
from hubbub.collector.people.rules import load_rules
from hubbub.config import HookConfig
from hubbub.store import Store
from tests.support.http import serving
from tests.support.paths import ROOT

PAGE = (ROOT / "docs" / "hooks.md").read_text()
BLOCKS = [block.partition("\n") for block in PAGE.split("```")[1::2]]
TOML = [text for kind, _, text in BLOCKS if kind == "toml"]
SHELL = [text for kind, _, text in BLOCKS if not kind]


def written(folder: Path, text: str) -> Path:
    """Write a configuration, and the files that it names."""
    for name in re.findall(r'"([\w.]+\.(?:secret|token|toml))"', text):
        (folder / name).write_text("0123456789\n" if not name.endswith("toml") else "")
    file = folder / "hubbub.toml"
    file.write_text(text)
    return file


@pytest.mark.parametrize("text", [text for text in TOML if "[hooks." in text])
def test_configurations(tmp_path: Path, text: str):
    hooks = read_hooks(config.load(written(tmp_path, text)).hooks, loopback=False)
    assert all(hook.secrets == ("0123456789",) for hook in hooks.values())


def test_rules():
    (text,) = [text for text in TOML if "[hook.builds]" in text]
    rules = load_rules(tomllib.loads(text))
    assert rules.hook("builds", "generic").event
    assert rules.find("builds.done", hook=True) is not None


def test_all_keys_and_kinds_are_explained():
    for name in HookConfig.__struct_fields__:
        assert f"`{name}`" in PAGE, name
    for kind in KINDS:
        assert f"`{kind}`" in PAGE


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("openssl")), reason="needs both")
def test_the_first_delivery(tmp_path: Path):
    make, _, send = SHELL[:3]
    subprocess.run(["bash", "-ec", make], cwd=tmp_path, check=True)
    file = tmp_path / "hubbub.toml"
    file.write_text(TOML[0])
    with serving(tmp_path / "store", config=config.load(file)) as served:
        script = send.replace("http://127.0.0.1:8717", served.url)
        ran = subprocess.run(
            ["bash", "-ec", script], cwd=tmp_path, check=True, capture_output=True, text=True
        )
    assert ran.stdout == '{"status":"accepted","id":"72d3162e-cc78-11e3-81ab-4c9367dc0958"}'
    with Store.open(tmp_path / "store") as store:
        store.load()
        (row,) = store.events().to_pyarrow().to_pylist()
    assert (row["topic"], row["agent"]) == ("github.issues.opened", "anna")
    assert row["objects"] == ["example/web"]
