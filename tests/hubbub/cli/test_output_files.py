"""Files that commands write for a user: whole or not at all, and never through a link."""

import ast
from pathlib import Path

import pytest

from tests.support.commandline import SINCE, UNTIL, Run
from tests.support.paths import ROOT

RANGE = ("--since", SINCE, "--until", UNTIL, "--allow-incomplete")
SIMULATED = ("simulate", "--per-day", "1000", "--days", "0.1", "--until", "2026-01-01T00:00Z")
#: Commands, and the file of each that is a link.
COMMANDS = [
    (("export", "-o", "out.jsonl"), "out.jsonl"),
    (("export", "-o", "out.jsonl.gz"), "out.jsonl.gz"),
    (("export", "-o", "out.parquet", "--format", "parquet"), "out.parquet"),
    (("chart", "tail", *RANGE, "-o", "out.svg"), "out.svg"),
    (("chart", "tail", *RANGE, "-o", "out.html"), "out.html"),
    ((*SIMULATED, "-o", "out.jsonl"), "out.jsonl"),
    ((*SIMULATED, "-o", "out.gz"), "out.gz"),
]


@pytest.mark.parametrize(("command", "name"), COMMANDS)
def test_a_link_is_replaced_and_not_followed(
    command: tuple[str, ...],
    name: str,
    hubbub: Run,
    made_store: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    precious, folder = tmp_path / "precious", tmp_path / "shared"
    precious.write_text("kept")
    folder.mkdir()
    monkeypatch.chdir(folder)
    options = () if command[0] == "simulate" else ("--store", made_store)
    (folder / name).symlink_to(precious)
    result = hubbub(*command, *options)
    assert result.code == 0, result.err
    assert precious.read_text() == "kept"
    assert_replaced(folder / name)


def test_links_in_a_report_are_replaced_and_not_followed(
    hubbub: Run, made_store: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "shared"
    command = ("report", *RANGE, "--views", "tail,volume", "-o", folder, "--store", made_store)
    assert hubbub(*command).code == 0
    kept = {}  # only pages of an earlier report are replaced
    for name in ("tail.svg", "index.html", "data.json"):
        precious = tmp_path / name
        kept[precious] = (folder / name).read_bytes() + b"\n"
        precious.write_bytes(kept[precious])
        (folder / name).unlink()
        (folder / name).symlink_to(precious)
    result = hubbub(*command)
    assert result.code == 0, result.err
    for precious, content in kept.items():
        assert precious.read_bytes() == content
        assert_replaced(folder / precious.name)


def assert_replaced(path: Path) -> None:
    """Assert that the file was written as a whole, and nothing beside it is left."""
    assert not path.is_symlink()
    assert path.stat().st_size > 0
    assert not list(path.parent.glob(".*")), "no temporary file is left"


#: The only modules that open files for writing: outside of the store, files.py alone.
WRITERS = {
    "store/disk/files.py",
    "store/tables/id_index.py",  # random names inside of the store
}


def test_no_other_module_opens_files_for_writing() -> None:
    folders = ("collector", "store", "analyzers", "charts", "live", "src/hubbub")
    found = set()
    for path in sorted(p for f in folders for p in (ROOT / f).rglob("*.py")):
        if any(parent.is_symlink() for parent in path.parents):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            texts = [a.value for a in node.args if isinstance(a, ast.Constant)]
            mode = next((t for t in texts if isinstance(t, str)), "")
            writes = node.func.attr == "open" and set(mode) & set("wxa") and len(mode) <= 3
            if writes or node.func.attr in {"write_text", "write_bytes"}:
                found.add(str(path.relative_to(ROOT)))
    assert found == WRITERS
