"""Plugins from files and from installed packages."""

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from hubbub import plugins
from hubbub.errors import UsageError
from hubbub.registry import REGISTRY, Function
from tests.support.commandline import Run


@pytest.mark.parametrize(
    ("source", "where", "message"),
    [
        ("import hubbub\n\n1 / 0\n", ":3", "ZeroDivisionError"),
        ("def broken(:\n", ":1", "SyntaxError"),
        ("\nimport no_such_module\n", ":2", "ModuleNotFoundError"),
        (
            "from hubbub import query\n@query(name='a b')\ndef f(): ...\n",
            ":2",
            "not a valid name for",
        ),
    ],
)
def test_a_file_that_cannot_be_imported(
    tmp_path: Path, source: str, where: str, message: str
) -> None:
    file = tmp_path / "plugin.py"
    file.write_text(source)
    with pytest.raises(UsageError) as caught:
        plugins.load_file(file)
    assert caught.value.where == f"{file}{where}"
    assert message in caught.value.what


def test_not_python(tmp_path: Path) -> None:
    (tmp_path / "plugin.txt").write_text("x")
    with pytest.raises(UsageError, match=r"ends in \.py"):
        plugins.load_file(tmp_path / "plugin.txt")


def test_a_replaced_name_is_noted_once(hubbub: Run, tmp_path: Path, registry: None) -> None:
    file = tmp_path / "mine.py"
    file.write_text("from hubbub import query\n@query\ndef users():\n    return 'mine'\n")
    result = hubbub("query", "users", "--plugins", file, "--format", "text")
    assert (result.code, result.out) == (0, "mine\n")
    assert (
        result.err.count(
            "query 'users' of hubbub.analyzers.activity.totals is replaced by the one of"
        )
        == 1
    )


def test_a_file_is_loaded_once_and_files_of_the_same_name_are_distinct(
    tmp_path: Path, registry: None
) -> None:
    source = "from hubbub import query\nfrom pathlib import Path\n"
    source += "with Path(__file__).with_suffix('.runs').open('a') as f: f.write('x')\n"
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        (folder / "p.py").write_text(source)
        assert plugins.load_file(folder / "p.py") == plugins.load_file(folder / "p.py") == []
        assert (folder / "p.runs").read_text() == "x"


def test_an_installed_plugin_that_fails_does_not_stop_others(
    hubbub: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = EntryPoint("broken", "no_such_module:thing", plugins.GROUP)
    monkeypatch.setattr(plugins.loading, "entry_points", lambda group: [broken])
    result = hubbub("plugins", "--json")
    assert result.code == 0
    assert "the plugin 'broken' (no_such_module:thing) cannot be loaded" in result.err
    assert {"longtail", "volume"} <= {row["name"] for row in result.json}


def test_an_installed_plugin_is_loaded(monkeypatch: pytest.MonkeyPatch, registry: None) -> None:
    entry = EntryPoint("x", "hubbub.registry:REGISTRY", plugins.GROUP)
    monkeypatch.setattr(plugins.loading, "entry_points", lambda group: [entry])
    assert plugins.load_installed() == []


def test_unresolvable_annotations_are_ignored_for_injected_parameters_only() -> None:
    def injected(events: "NoSuchName", n: "int" = 3) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    def converted(n: "NoSuchName") -> None: ...  # type: ignore[name-defined]  # noqa: F821

    def unannotated(*args: int, n=10, ratio=0.5, flag=False, name="x", **rest: int) -> None: ...

    (only,) = Function("query", "injected", injected, "m").parameters
    assert (only.name, only.annotation, only.default) == ("n", int, 3)
    with pytest.raises(TypeError, match="cannot be resolved"):
        _ = Function("query", "converted", converted, "m").parameters
    kinds = [p.annotation for p in Function("query", "unannotated", unannotated, "m").parameters]
    assert kinds == [int, float, bool, str]


def test_the_list_of_plugins(hubbub: Run) -> None:
    result = hubbub("plugins")
    assert result.code == 0
    for name, function in REGISTRY.queries.items():
        assert f" {name} " in result.out
        assert function.module in result.out
