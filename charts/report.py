"""The report: every built-in view, a page, a text for blogs and the data, as files.

Comes in: a runner, a folder and a range. Goes out: the files written; a file whose bytes would not
change is not touched, and the same data give the same bytes. Pictures that an earlier report left
there go; nobody else's file does.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from hubbub.charts import compare, page, scale
from hubbub.charts.drawing import Drawing
from hubbub.charts.leftovers import leftovers
from hubbub.errors import UsageError
from hubbub.registry import Registry
from hubbub.times import iso

__all__ = ["Runs", "builtin", "report"]

#: The order in which people read them; views not named here follow by name.
_ORDER = (
    *("longtail", "tail", "lorenz", "radar", "weekly_diff", "daily_diff", "volume"),
    *("daily_users", "active_users", "cohorts", "returning", "overload"),
    *("heatmap", "objects_per_user", "users_per_object", "alerts", "traffic", "coverage"),
)
_MARKDOWN = str.maketrans({c: f"\\{c}" for c in "\\`*_{}[]()#+!|~"} | {"<": "&lt;", ">": "&gt;"})


class Runs(Protocol):
    """What a report needs of a runner."""

    registry: Registry

    def view(self, name: str, **parameters: Any) -> Any:
        """Draw a view."""

    def query(self, name: str, **parameters: Any) -> Any:
        """Run a query; only a comparison does."""


@dataclass(frozen=True, slots=True)
class Previous:
    """The range before: its pictures by the name of the view's file, and what changed."""

    since: datetime
    until: datetime
    drawings: Mapping[str, Drawing]
    changes: Sequence[str]


def builtin(registry: Registry) -> list[str]:
    """The names of hubbub's own views, in the order of a report."""
    own = [
        name
        for name, function in registry.views.items()
        if function.public and function.module.startswith("hubbub.charts.")
    ]
    rank = {name: i for i, name in enumerate(_ORDER)}
    return sorted(own, key=lambda n: (rank.get(n, len(rank)), n))


def markdown(
    heading: str,
    said: str,
    drawings: Sequence[tuple[str, Drawing]],
    previous: Previous | None = None,
) -> str:
    """A text for a blog: an embed and the finding of every picture."""
    parts = [f"# {heading.translate(_MARKDOWN)}", said.translate(_MARKDOWN)]
    if previous:
        parts.append("\n".join(f"- {c.translate(_MARKDOWN)}" for c in previous.changes))
    for name, drawing in drawings:
        title = drawing.title.translate(_MARKDOWN)
        parts.append(f"## {title}")
        parts.append(f"![{drawing.description.translate(_MARKDOWN)}]({name})")
        if previous and (old := previous.drawings.get(name)):
            parts.append(f"Before: {old.title.translate(_MARKDOWN)}")
            parts.append(f"![{old.description.translate(_MARKDOWN)}]({_before(name)})")
    return "\n\n".join(parts) + "\n"


def _lead(drawings: Sequence[tuple[str, Drawing]]) -> str:
    """The sentence that a reader takes along: how many people carry half of it."""
    titles = dict(drawings)
    first = titles.get("tail.svg") or next(iter(titles.values()), None)
    return f"{first.title}." if first else "There are no views."


def _before(name: str) -> str:
    return f"previous-{name}"


def _views(drawings: Iterable[tuple[str, Drawing]]) -> dict[str, Any]:
    return {
        name.removesuffix(".svg"): {
            "title": d.title,
            "description": d.description,
            "metadata": d.metadata,
            "columns": list(d.columns),
            "rows": [list(row) for row in d.rows],
        }
        for name, d in drawings
    }


def data(
    drawings: Sequence[tuple[str, Drawing]],
    since: datetime,
    until: datetime,
    previous: Previous | None = None,
) -> str:
    """Everything behind the pictures, as JSON."""
    document = {"since": iso(since), "until": iso(until), "views": _views(drawings)}
    if previous:
        document["previous"] = {
            "since": iso(previous.since),
            "until": iso(previous.until),
            "changes": list(previous.changes),
            "views": _views(previous.drawings.items()),
        }
    return json.dumps(document, ensure_ascii=True, indent=1, sort_keys=True, default=str) + "\n"


def _write(path: Path, content: bytes) -> None:
    """Replace a file in one step, and only if its bytes change."""
    if path.is_file() and path.read_bytes() == content:
        return
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(content)
    partial.replace(path)


def _drawn(runner: Runs, since: datetime, until: datetime) -> list[tuple[str, Drawing]]:
    out: list[tuple[str, Drawing]] = []
    for name in builtin(runner.registry):
        drawing = runner.view(name, since=since, until=until)
        if isinstance(drawing, Drawing):
            out.append((f"{name}.svg", drawing))
    return out


def _compared(runner: Runs, since: datetime, until: datetime) -> Previous:
    start, end = compare.before(since, until)
    now, then = (compare.numbers(runner, *r) for r in ((since, until), (start, end)))
    changes = compare.said(now, then, start, end)
    old = dict(_drawn(runner, start, end)) if then.messages else {}
    return Previous(start, end, old, changes)


def report(
    runner: Runs, out: Path, since: datetime, until: datetime, *, previous: bool = False
) -> list[Path]:
    """Write every built-in view, `index.html`, `index.md` and `data.json` into `out`.

    Pictures of an earlier report that this one does not have are deleted.

    Args:
        runner: answers the questions.
        out: the folder.
        since: of the range.
        until: of the range.
        previous: put the range before beside it, of the same length, and say what changed.

    Returns:
        The files, pictures first.

    Raises:
        UsageError: the folder cannot be made or written to.
    """
    drawings = _drawn(runner, since, until)
    old = _compared(runner, since, until) if previous else None
    heading = f"Who carries the load, {scale.span(since, until)}"
    said = _lead(drawings)
    beside = {n: (_before(n), d) for n, d in old.drawings.items()} if old else {}
    changes = old.changes if old else ()
    files: list[tuple[str, bytes]] = [(name, d.svg()) for name, d in drawings]
    files += [(name, d.svg()) for name, d in beside.values()]
    files += [
        ("index.html", page.index(heading, said, drawings, beside, changes).encode("utf-8")),
        ("index.md", markdown(heading, said, drawings, old).encode("utf-8")),
        ("data.json", data(drawings, since, until, old).encode("ascii")),
    ]
    try:
        out.mkdir(parents=True, exist_ok=True)
        gone = leftovers(out, {name for name, _ in files})
        for name, content in files:
            _write(out / name, content)
        for path in gone:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(
            f"the report cannot be written: {error.strerror or error}",
            where=str(out),
            hint="give a folder that you may write to",
        ) from error
    return [out / name for name, _ in files]
