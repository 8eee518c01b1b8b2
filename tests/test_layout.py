"""The layout of the repository: links, packages, layers, sizes of modules and folders."""

import re
import subprocess
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from tests.support.paths import ROOT

PACKAGE = ROOT / "src" / "hubbub"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
#: Top-level folders that are parts of the import package.
PARTS = ("analyzers", "charts", "collector", "live", "store")
#: One module per form of graph.
WIDE = {"charts/graphs"}


def tracked(*patterns: str) -> list[Path]:
    """Return the files that git tracks or would add."""
    try:
        out = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard", *patterns],
            cwd=ROOT, capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not in a git checkout")
    return [ROOT / line for line in out.splitlines() if (ROOT / line).is_file()]


def modules() -> list[Path]:
    """Return the modules of the package, relative to the repository."""
    relative = [path.relative_to(ROOT) for path in tracked("*.py")]
    return [path for path in relative if path.parts[0] in {*PARTS, "src"}]


def test_top_level_folders_are_linked_into_the_package():
    links = {path.name: path.readlink() for path in PACKAGE.iterdir() if path.is_symlink()}
    assert links == {name: Path("../..") / name for name in PARTS}


def test_every_folder_is_a_package():
    folders = {path.parent for path in modules()}
    assert not [folder for folder in folders if not (ROOT / folder / "__init__.py").is_file()]


def test_folders_hold_at_most_15_modules():
    loose = Counter(str(path.parent) for path in modules() if path.name != "__init__.py")
    assert not {folder: n for folder, n in loose.items() if n > 15 and folder not in WIDE}


def test_every_folder_with_subfolders_has_layers():
    contracts = PROJECT["tool"]["importlinter"]["contracts"]
    layered = {container for c in contracts for container in c.get("containers", ())}
    nested = {path.parts[0] for path in modules() if len(path.parts) > 2 and path.parts[0] in PARTS}
    assert {f"hubbub.{name}" for name in nested} <= layered
    assert all(c["exhaustive"] for c in contracts if c["type"] == "layers")


def test_no_module_is_longer_than_350_lines():
    long = {
        str(path.relative_to(ROOT)): count
        for path in tracked("*.py")
        if "peers" not in path.parts and (count := len(path.read_text().splitlines())) > 350
    }
    assert not long


def test_no_local_path_and_no_registry_host():
    shared = "sha" + "red"
    pattern = re.compile(
        rf"(^|[^\w.])/(work|farm|root)/|(pypi|pythonhosted)\.{'o'}rg|/{shared}/work"
    )
    for path in tracked("*.py", "*.md", "*.toml", "*.sh", "*.lock", "Makefile", ".ci/run"):
        if "peers" in path.parts:
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            assert not pattern.search(line), f"{path.relative_to(ROOT)}:{number}: {line.strip()}"


def test_all_error_classes_are_exported_and_in_the_tree():
    from hubbub import errors

    classes = {
        n for n, o in vars(errors).items() if isinstance(o, type) and issubclass(o, Exception)
    }
    assert classes == set(errors.__all__)
    assert errors.__doc__ is not None
    assert all(name in errors.__doc__ for name in classes)


def test_public_names_resolve():
    import hubbub

    for name in hubbub.__all__:
        assert getattr(hubbub, name) is not None
    with pytest.raises(AttributeError):
        _ = hubbub.no_such_name
