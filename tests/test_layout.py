"""The layout is what docs/design.md says: packaged whole, typed through links, no long module."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SETUPTOOLS = PROJECT["tool"]["setuptools"]


def tracked(*patterns: str) -> list[Path]:
    """Files of the tree that git knows or would add."""
    try:
        out = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard", *patterns],
            cwd=ROOT, capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not in a git checkout")
    return [ROOT / line for line in out.splitlines() if (ROOT / line).is_file()]


def package_of(folder: Path) -> str:
    relative = folder.relative_to(ROOT).parts
    return ".".join(relative[1:] if relative[0] == "src" else ("hubbub", *relative))


def test_every_package_folder_is_listed():
    found = {
        package_of(path.parent)
        for path in tracked("*__init__.py")
        if path.relative_to(ROOT).parts[0] not in {"tests", "typings", "bench", "docs"}
    }
    assert found == set(SETUPTOOLS["packages"])


def test_package_dirs_exist():
    for name, folder in SETUPTOOLS["package-dir"].items():
        assert (ROOT / folder / "__init__.py").is_file(), name


def test_type_checkers_see_every_module():
    links = ROOT / "typings" / "hubbub"
    for entry in [*(ROOT / "src" / "hubbub").iterdir(), *map(ROOT.joinpath, tops())]:
        if entry.name == "__pycache__":
            continue
        link = links / entry.name
        assert link.is_symlink(), f"typings/hubbub lacks a link to {entry.relative_to(ROOT)}"
        assert link.resolve() == entry.resolve()
    for link in links.iterdir():
        assert link.exists(), f"{link} leads nowhere"


def tops() -> list[str]:
    return [folder for folder in SETUPTOOLS["package-dir"].values() if "/" not in folder]


def test_no_module_is_longer_than_350_lines():
    long = {
        str(path.relative_to(ROOT)): count
        for path in tracked("*.py")
        if "peers" not in path.parts and (count := len(path.read_text().splitlines())) > 350
    }
    assert not long


def test_no_path_of_a_machine_and_no_registry_host():
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
