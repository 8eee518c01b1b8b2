"""Write a report: a picture of every built-in view, an HTML page, Markdown for blogs, and the data.

The same data give the same bytes, and unchanged files are not written. Pictures of an earlier
report are deleted only if its `data.json` names them with the hash that is in the picture.
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
from hubbub.store.disk.files import replace_file
from hubbub.times import iso

__all__ = ["ReportRunner", "builtin", "leftovers", "report"]

#: The order of the report; views not listed follow by name.
_ORDER = (
    *("longtail", "tail", "lorenz", "radar", "weekly_diff", "daily_diff", "volume"),
    *("daily_users", "active_users", "cohorts", "returning", "overload"),
    *("heatmap", "objects_per_user", "users_per_object", "alerts", "traffic", "coverage"),
)
_MARKDOWN = str.maketrans(
    {c: f"\\{c}" for c in "\\`*_{}[]()#+!|~$"} | {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
)
_ADDRESS = re.compile(r"\b(https?|ftp|mailto|xmpp|www)([:.])", re.IGNORECASE)


class ReportRunner(Protocol):
    """The part of a runner that a report needs."""

    registry: Registry

    def view(self, name: str, **parameters: Any) -> Any:
        """Draw a view."""

    def query(self, name: str, **parameters: Any) -> Any:
        """Run a query; needed only for a comparison."""


@dataclass(frozen=True, slots=True)
class Previous:
    """The preceding range: its pictures by file name of their view, and what changed since."""

    since: datetime
    until: datetime
    drawings: Mapping[str, Drawing]
    changes: Sequence[str]


def builtin(registry: Registry) -> list[str]:
    """Return the names of the built-in views in the order of a report."""
    names = [
        name
        for name, function in registry.views.items()
        if function.public and function.module.startswith("hubbub.charts.")
    ]
    rank = {name: i for i, name in enumerate(_ORDER)}
    return sorted(names, key=lambda n: (rank.get(n, len(rank)), n))


def markdown(
    heading: str,
    lead: str,
    drawings: Sequence[tuple[str, Drawing]],
    previous: Previous | None = None,
) -> str:
    """Return Markdown for a blog: the finding and an image of every picture."""
    parts = [f"# {_escaped(heading)}", _escaped(lead)]
    if previous:
        parts.append("\n".join(f"- {_escaped(c)}" for c in previous.changes))
    for name, drawing in drawings:
        title = _escaped(drawing.title)
        parts.append(f"## {title}")
        parts.append(f"![{_escaped(drawing.description)}]({name})")
        if previous and (old := previous.drawings.get(name)):
            parts.append(f"Before: {_escaped(old.title)}")
            parts.append(f"![{_escaped(old.description)}]({_before(name)})")
    return "\n\n".join(parts) + "\n"


def _escaped(text: str) -> str:
    """Return a text that Markdown shows as it is, without links, mentions or template tags.

    Blog programs link bare addresses, GitHub mentions `@name`, and Jekyll runs `{% %}` first.
    """
    escaped = text.translate(_MARKDOWN).replace("{%", "{\\%").replace("%\\}", "\\%\\}")
    escaped = _ADDRESS.sub(lambda match: f"{match[1]}&#{ord(match[2])};", escaped)
    return escaped.replace("@", "@<!-- -->")


def _lead(drawings: Sequence[tuple[str, Drawing]]) -> str:
    """Return the main finding: how few people do half of the work."""
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
    """Return the tables and texts behind the pictures as JSON."""
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
    """Replace a file atomically, and only if its bytes change."""
    if path.is_file() and not path.is_symlink() and path.read_bytes() == content:
        return
    replace_file(path, content)


def _draw(runner: ReportRunner, since: datetime, until: datetime) -> list[tuple[str, Drawing]]:
    drawings: list[tuple[str, Drawing]] = []
    for name in builtin(runner.registry):
        drawing = runner.view(name, since=since, until=until)
        if isinstance(drawing, Drawing):
            drawings.append((f"{name}.svg", drawing))
    return drawings


def _compare(runner: ReportRunner, since: datetime, until: datetime) -> Previous:
    start, end = comparison.before(since, until)
    now = comparison.numbers(runner, since, until)
    then = comparison.numbers(runner, start, end)
    drawings = dict(_draw(runner, start, end)) if then.messages else {}
    return Previous(start, end, drawings, comparison.changes(now, then, start, end))


def report(
    runner: ReportRunner, out: Path, since: datetime, until: datetime, *, previous: bool = False
) -> list[Path]:
    """Write every built-in view, `index.html`, `index.md` and `data.json` into `out`.

    Pictures of an earlier report that are not part of this one are deleted.

    Args:
        runner: runs views and queries.
        out: the folder.
        since: start of the range.
        until: end of the range.
        previous: also draw the preceding range of the same length, and state what changed.

    Returns:
        The files, pictures first.

    Raises:
        UsageError: the folder cannot be created or written to.
    """
    drawings = _draw(runner, since, until)
    old = _compare(runner, since, until) if previous else None
    heading = f"Who carries the load, {scale.span(since, until)}"
    lead = _lead(drawings)
    before = {n: (_before(n), d) for n, d in old.drawings.items()} if old else {}
    changes = old.changes if old else ()
    files: list[tuple[str, bytes]] = [(name, d.svg()) for name, d in drawings]
    files += [(name, d.svg()) for name, d in before.values()]
    files += [
        ("index.html", html.index(heading, lead, drawings, before, changes).encode("utf-8")),
        ("index.md", markdown(heading, lead, drawings, old).encode("utf-8")),
        ("data.json", data(drawings, since, until, old).encode("ascii")),
    ]
    try:
        out.mkdir(parents=True, exist_ok=True)
        obsolete = leftovers(out, {name for name, _ in files})  # before data.json is replaced
        for name, content in files:
            _write(out / name, content)
        for path in obsolete:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(
            f"the report cannot be written: {error.strerror or error}",
            where=str(out),
            hint="choose a folder that you can write to",
        ) from error
    return [out / name for name, _ in files]


_NAME = re.compile(r"\w{1,80}", re.ASCII)


def leftovers(out: Path, keep: set[str]) -> list[Path]:
    """Return pictures of the earlier report in `out`, except those whose names are in `keep`."""
    try:
        document = json.loads((out / "data.json").read_bytes())
    except (OSError, ValueError):
        return []  # not a report of hubbub
    pictures = []
    for name, views in (("{}.svg", document), ("previous-{}.svg", _part(document, "previous"))):
        for view, sha in _hashes(views):
            path = out / name.format(view)
            if path.name not in keep and _is_picture(path, sha):
                pictures.append(path)
    return pictures


def _part(document: object, key: str) -> Mapping[str, Any]:
    value = document.get(key) if isinstance(document, dict) else None
    return value if isinstance(value, dict) else {}


def _hashes(document: object) -> Iterator[tuple[str, str]]:
    """Yield (view, hash of its data) of a `data.json` or of its part on the preceding range."""
    views = _part(document, "views")
    for view in views:
        sha = _part(_part(views, view), "metadata").get("data_sha256")
        if _NAME.fullmatch(view) and isinstance(sha, str) and re.fullmatch("[0-9a-f]{64}", sha):
            yield view, sha


def _is_picture(path: Path, sha: str) -> bool:
    """Whether a file is a picture of hubbub with this hash in its metadata."""
    if path.is_symlink() or not path.is_file():
        return False
    try:
        svg = path.read_bytes()
    except OSError:
        return False
    return b'id="chart-' in svg[:300] and f'"data_sha256": "{sha}"'.encode() in svg
