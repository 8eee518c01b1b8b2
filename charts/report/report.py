"""Write a report: a picture of every built-in view, an HTML page, Markdown for blogs, and the data.

The same data give the same bytes, and unchanged files are not written. Pictures of an earlier
report are deleted only if its `data.json` names them with the hash that is in the picture. A view
that fails costs its picture, not the report.
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
from hubbub.charts.picture.sheet import SEVERAL
from hubbub.charts.report import comparison
from hubbub.errors import UsageError
from hubbub.registry import Registry
from hubbub.store.disk.files import replace_file
from hubbub.zones import current

__all__ = ["Failure", "Report", "ReportRunner", "builtin", "check_folder", "leftovers", "report"]

_PAGES = ("index.html", "index.md", "data.json")

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

    def view(self, name: str, /, **parameters: Any) -> Any:
        """Draw a view."""

    def query(self, name: str, /, **parameters: Any) -> Any:
        """Run a query; needed only for a comparison."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A part of a report that is missing."""

    name: str  # of the view, or `comparison`
    error: Exception


@dataclass(frozen=True, slots=True)
class Report:
    """What was written, pictures first, and what could not be drawn."""

    files: list[Path]
    failures: list[Failure]


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
    missing: str = "",
) -> str:
    """Return Markdown for a blog: the finding and an image of every picture."""
    parts = [f"# {_escaped(heading)}", _escaped(lead)]
    if missing:
        parts.append(_escaped(missing))
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
    if first is None:
        return "There are no views."
    # the lead stands alone, without the subtitle that explains mentions
    return f"{first.title}{f' ({SEVERAL})' if SEVERAL in first.description else ''}."


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
    failures: Sequence[Failure] = (),
) -> str:
    """Return the tables and texts behind the pictures as JSON."""
    document = {
        "since": current().iso(since),
        "until": current().iso(until),
        "views": _views(drawings),
    }
    if failures:
        document["missing"] = _names(failures)
    if previous:
        document["previous"] = {
            "since": current().iso(previous.since),
            "until": current().iso(previous.until),
            "changes": list(previous.changes),
            "views": _views(previous.drawings.items()),
        }
    return json.dumps(document, ensure_ascii=True, indent=1, sort_keys=True, default=str) + "\n"


def _write(path: Path, content: bytes) -> None:
    """Replace a file atomically, and only if its bytes change."""
    if path.is_file() and not path.is_symlink() and path.read_bytes() == content:
        return
    replace_file(path, content)


class _Drawer:
    """Draws pictures, and notes those that fail."""

    def __init__(self, runner: ReportRunner) -> None:
        self._runner = runner
        self.failures: list[Failure] = []

    def draw(self, since: datetime, until: datetime) -> dict[str, tuple[Drawing, bytes]]:
        """Return the drawing and the SVG of each view by file name, in the order of a report."""
        drawn = {}
        for name in builtin(self._runner.registry):
            try:
                drawing = self._runner.view(name, since=since, until=until)
                if isinstance(drawing, Drawing):
                    drawn[f"{name}.svg"] = (drawing, drawing.svg())
            except Exception as error:  # noqa: BLE001 - stated in the report, and by its caller
                self.failures.append(Failure(name, error))
        return drawn

    def compare(
        self, since: datetime, until: datetime
    ) -> tuple[Previous | None, dict[str, tuple[Drawing, bytes]]]:
        """Return the preceding range of the same length, and its pictures."""
        start, end = comparison.before(since, until)
        try:
            now = comparison.numbers(self._runner, since, until)
            then = comparison.numbers(self._runner, start, end)
        except Exception as error:  # noqa: BLE001 - as above
            self.failures.append(Failure("comparison", error))
            return None, {}
        drawn = self.draw(start, end) if then.messages else {}
        drawings = {name: drawing for name, (drawing, _) in drawn.items()}
        changes = comparison.changes(now, then, start, end)
        return Previous(start, end, drawings, changes), drawn


def _names(failures: Sequence[Failure]) -> list[str]:
    return list(dict.fromkeys(failure.name for failure in failures))


def report(
    runner: ReportRunner, out: Path, since: datetime, until: datetime, *, previous: bool = False
) -> Report:
    """Write every built-in view, `index.html`, `index.md` and `data.json` into `out`.

    Pictures of an earlier report that are not part of this one are deleted. The pages name the
    views that failed.

    Args:
        runner: runs views and queries.
        out: the folder.
        since: start of the range.
        until: end of the range.
        previous: also draw the preceding range of the same length, and state what changed.

    Raises:
        UsageError: the folder cannot be created or written to.
        Exception: that of the first view, if all failed; nothing is written then.
    """
    drawer = _Drawer(runner)
    drawn = drawer.draw(since, until)
    if not drawn and drawer.failures:
        raise drawer.failures[0].error
    old, old_drawn = drawer.compare(since, until) if previous else (None, {})
    drawings = [(name, drawing) for name, (drawing, _) in drawn.items()]
    failures = drawer.failures
    missing = f"Not drawn, because of an error: {', '.join(_names(failures))}." if failures else ""
    heading = f"Who carries the load, {scale.zoned_span(since, until)}"
    lead = _lead(drawings)
    before = {n: (_before(n), d) for n, d in old.drawings.items()} if old else {}
    changes = old.changes if old else ()
    page = html.index(heading, lead, drawings, before, changes, missing=missing)
    files: list[tuple[str, bytes]] = [(name, svg) for name, (_, svg) in drawn.items()]
    files += [(_before(name), svg) for name, (_, svg) in old_drawn.items()]
    files += [
        # before the pages, which without it would not be known as those of a report
        ("data.json", data(drawings, since, until, old, failures).encode("ascii")),
        ("index.html", page.encode("utf-8")),
        ("index.md", markdown(heading, lead, drawings, old, missing).encode("utf-8")),
    ]
    if out.is_file():
        raise UsageError(
            "the report cannot be written: this is a file, and a report is a folder",
            where=str(out),
            hint="choose a folder that you can write to",
        )
    check_folder(out)
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
    return Report([out / name for name, _ in files], failures)


def check_folder(out: Path) -> None:
    """Refuse a folder that holds pages but no report, before anything is written.

    Raises:
        UsageError: there is an `index.html`, `index.md` or `data.json` that hubbub did not write.
    """
    pages = [out / name for name in _PAGES if (out / name).exists()]
    if pages and not isinstance(_document(out).get("views"), dict):
        raise UsageError(
            "this file is not of a report and is not overwritten",
            where=str(pages[0]),
            hint="give another folder with -o, or move the file away",
        )


def _document(out: Path) -> Mapping[str, Any]:
    """Return the `data.json` of the report in a folder; empty if there is none."""
    try:
        document = json.loads((out / "data.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


_NAME = re.compile(r"\w{1,80}", re.ASCII)


def leftovers(out: Path, keep: set[str]) -> list[Path]:
    """Return pictures of the earlier report in `out`, except those whose names are in `keep`."""
    document, pictures = _document(out), []
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
