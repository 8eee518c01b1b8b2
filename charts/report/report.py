"""The report: every view, an HTML page, a text for blogs and the data, as files.

The same data give the same bytes, and a file whose bytes would not change is not written. Pictures
left by an earlier report are removed where they are provably hubbub's own: named by the earlier
`data.json`, with the hash that it states.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from hubbub.charts.picture import html, scale
from hubbub.charts.picture.drawing import Drawing
from hubbub.charts.report import comparison
from hubbub.errors import UsageError
from hubbub.registry import Registry
from hubbub.times import iso

__all__ = ["Runs", "builtin", "leftovers", "report"]


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
    start, end = comparison.before(since, until)
    now, then = (comparison.numbers(runner, *r) for r in ((since, until), (start, end)))
    changes = comparison.said(now, then, start, end)
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
        ("index.html", html.index(heading, said, drawings, beside, changes).encode("utf-8")),
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


_NAME = re.compile(r"\w{1,80}", re.ASCII)


def leftovers(out: Path, keep: set[str]) -> list[Path]:
    """The pictures of the report that is in `out` now, without those whose names are in `keep`."""
    try:
        document = json.loads((out / "data.json").read_bytes())
    except (OSError, ValueError):
        return []  # no report of ours, so nothing of it is ours
    found = []
    for name, views in (("{}.svg", document), ("previous-{}.svg", _part(document, "previous"))):
        for view, sha in _hashes(views):
            path = out / name.format(view)
            if path.name not in keep and _is(path, sha):
                found.append(path)
    return found


def _part(document: object, key: str) -> Mapping[str, Any]:
    value = document.get(key) if isinstance(document, dict) else None
    return value if isinstance(value, dict) else {}


def _hashes(document: object) -> Iterator[tuple[str, str]]:
    """(view, hash of its data) as a document states them."""
    for view, about in _part(document, "views").items():
        sha = _part(_part({"": about}, ""), "metadata").get("data_sha256")
        if _NAME.fullmatch(view) and isinstance(sha, str) and re.fullmatch("[0-9a-f]{64}", sha):
            yield view, sha


def _is(path: Path, sha: str) -> bool:
    """A picture of ours with this hash in its metadata."""
    if path.is_symlink() or not path.is_file():
        return False
    try:
        svg = path.read_bytes()
    except OSError:
        return False
    return b'id="chart-' in svg[:300] and f'"data_sha256": "{sha}"'.encode() in svg
