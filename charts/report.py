"""The report: every built-in view, a page, a text for blogs and the data, as files.

Comes in: a runner, a folder and a range. Goes out: the files written; a file whose bytes would not
change is not touched, and the same data give the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from hubbub.charts import page, scale
from hubbub.charts.drawing import Drawing
from hubbub.errors import UsageError
from hubbub.registry import Registry
from hubbub.times import iso

__all__ = ["Runs", "builtin", "report"]

#: The order in which people read them; views not named here follow by name.
_ORDER = (
    *("longtail", "tail", "lorenz", "radar", "weekly_diff", "daily_diff", "volume"),
    *("daily_users", "active_users", "cohorts", "returning"),
    *("heatmap", "objects_per_user", "users_per_object"),
)
_MARKDOWN = str.maketrans({c: f"\\{c}" for c in "\\`*_{}[]()#+!|~"} | {"<": "&lt;", ">": "&gt;"})


class Runs(Protocol):
    """What a report needs of a runner."""

    registry: Registry

    def view(self, name: str, **parameters: Any) -> Any:
        """Draw a view."""


def builtin(registry: Registry) -> list[str]:
    """The names of hubbub's own views, in the order of a report."""
    own = [
        name
        for name, function in registry.views.items()
        if function.public and function.module.startswith("hubbub.charts.")
    ]
    rank = {name: i for i, name in enumerate(_ORDER)}
    return sorted(own, key=lambda n: (rank.get(n, len(rank)), n))


def markdown(heading: str, said: str, drawings: Sequence[tuple[str, Drawing]]) -> str:
    """A text for a blog: an embed and the finding of every picture."""
    parts = [f"# {heading.translate(_MARKDOWN)}", said.translate(_MARKDOWN)]
    for name, drawing in drawings:
        title = drawing.title.translate(_MARKDOWN)
        parts.append(f"## {title}")
        parts.append(f"![{drawing.description.translate(_MARKDOWN)}]({name})")
    return "\n\n".join(parts) + "\n"


def data(drawings: Sequence[tuple[str, Drawing]], since: datetime, until: datetime) -> str:
    """Everything behind the pictures, as JSON."""
    views = {
        name.removesuffix(".svg"): {
            "title": d.title,
            "description": d.description,
            "metadata": d.metadata,
            "columns": list(d.columns),
            "rows": [list(row) for row in d.rows],
        }
        for name, d in drawings
    }
    document = {"since": iso(since), "until": iso(until), "views": views}
    return json.dumps(document, ensure_ascii=True, indent=1, sort_keys=True, default=str) + "\n"


def _write(path: Path, content: bytes) -> None:
    """Replace a file in one step, and only if its bytes change."""
    if path.is_file() and path.read_bytes() == content:
        return
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(content)
    partial.replace(path)


def report(runner: Runs, out: Path, since: datetime, until: datetime) -> list[Path]:
    """Write every built-in view, `index.html`, `index.md` and `data.json` into `out`.

    Returns:
        The files, pictures first.

    Raises:
        UsageError: the folder cannot be made or written to.
    """
    drawings: list[tuple[str, Drawing]] = []
    for name in builtin(runner.registry):
        drawing = runner.view(name, since=since, until=until)
        if isinstance(drawing, Drawing):
            drawings.append((f"{name}.svg", drawing))
    heading = f"Who carries the load, {scale.span(since, until)}"
    said = next((f"{d.title}." for _, d in drawings if d.title), "There are no views.")
    files: list[tuple[str, bytes]] = [(name, d.svg()) for name, d in drawings]
    files += [
        ("index.html", page.index(heading, said, drawings).encode("utf-8")),
        ("index.md", markdown(heading, said, drawings).encode("utf-8")),
        ("data.json", data(drawings, since, until).encode("ascii")),
    ]
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, content in files:
            _write(out / name, content)
    except OSError as error:
        raise UsageError(
            f"the report cannot be written: {error.strerror or error}",
            where=str(out),
            hint="give a folder that you may write to",
        ) from error
    return [out / name for name, _ in files]
