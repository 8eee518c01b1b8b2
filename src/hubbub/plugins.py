"""Plugins: loads the modules whose functions register themselves.

Comes in: nothing, or the path of a `.py` file. Goes out: entries in the registry, and notes for the
user (a name that was replaced, an installed plugin that cannot be loaded). Built-in analyzers and
charts are loaded the same way as everybody's: entry point group `hubbub.plugins`, or a file.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import blake2s
from importlib.metadata import entry_points
from pathlib import Path

from hubbub.errors import HubbubError, UsageError

__all__ = ["GROUP", "load", "load_builtins", "load_file", "load_installed"]

GROUP = "hubbub.plugins"
BUILTINS = ("hubbub.analyzers", "hubbub.charts")


@contextmanager
def _noting(notes: list[str]) -> Iterator[None]:
    """The registry's warnings become notes, whatever filters the process has."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", UserWarning)
        yield
    notes.extend(str(warning.message) for warning in caught)


def load_builtins() -> list[str]:
    """Import hubbub's own analyzers and charts."""
    notes: list[str] = []
    with _noting(notes):
        for name in BUILTINS:
            importlib.import_module(name)
    return notes


def load_installed() -> list[str]:
    """Import what installed packages offer under `hubbub.plugins`; one that fails stops nothing."""
    notes: list[str] = []
    for entry in sorted(entry_points(group=GROUP), key=lambda e: (e.name, e.value)):
        try:
            with _noting(notes):
                entry.load()
        except Exception as error:  # noqa: BLE001 - a stranger's module may raise anything
            notes.append(
                f"the plugin {entry.name!r} ({entry.value}) cannot be loaded: "
                f"{type(error).__name__}: {error}"
            )
    return notes


def _module_name(path: Path) -> str:
    """The same for the same file, different for two files of one name."""
    return f"hubbub_plugin_{path.stem}_{blake2s(str(path).encode(), digest_size=4).hexdigest()}"


def _line(error: BaseException, path: Path) -> int | None:
    """The line of `path` at which the import failed."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
    return frames[-1].lineno if frames else None


def load_file(path: Path) -> list[str]:
    """Import one `.py` file; a file that is loaded already is not loaded again.

    Raises:
        UsageError: there is no such file, it is no Python file, or importing it fails.
    """
    full = path.expanduser().resolve()
    if not full.is_file():
        raise UsageError("there is no such plugin file", where=str(path))
    name = _module_name(full)
    if name in sys.modules:
        return []
    spec = importlib.util.spec_from_file_location(name, full)
    if spec is None or spec.loader is None:
        raise UsageError("a plugin is a Python file whose name ends in .py", where=str(path))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    notes: list[str] = []
    try:
        with _noting(notes):
            spec.loader.exec_module(module)
    except HubbubError:
        del sys.modules[name]
        raise
    except Exception as error:
        del sys.modules[name]
        line = _line(error, full)
        raise UsageError(
            f"the plugin cannot be imported: {type(error).__name__}: {error}",
            where=f"{path}:{line}" if line else str(path),
            hint="-vv shows the whole traceback",
        ) from error
    return notes


def load(files: Iterable[Path] = ()) -> list[str]:
    """Built-ins, installed plugins, then the given files; later ones replace earlier names."""
    notes = load_builtins() + load_installed()
    for path in files:
        notes += load_file(path)
    return notes
