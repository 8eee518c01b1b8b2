"""Write a report: a picture of each view, an HTML page, Markdown for blogs, and the data.

The same data give the same bytes, and unchanged files are not written. Pictures of an earlier
report are deleted only if its `data.json` names them with the hash that is in the picture. A view
that fails costs its picture, not the report; one without data is only named.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

from hubbub.charts.picture import html, scale
from hubbub.charts.picture.drawing import Drawing
from hubbub.charts.picture.sheet import SEVERAL
from hubbub.charts.picture.text import clean
from hubbub.charts.report import comparison
from hubbub.charts.report.folder import write_folder
from hubbub.charts.report.selection import chosen, readings
from hubbub.errors import UsageError
from hubbub.language import ENGLISH, _, current_language
from hubbub.language.wording import continued
from hubbub.registry import Registry
from hubbub.zones import current

__all__ = ["Failure", "Report", "ReportRunner", "report"]

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
            parts.append(_escaped(_("Before: {finding}", finding=old.title)))
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
        return _("There are no views.")
    # the lead stands alone, without the subtitle that explains mentions
    if (several := _(SEVERAL)) in first.description:
        return _("{finding} ({remark}).", finding=first.title, remark=several)
    return _("{finding}.", finding=first.title)


def _before(name: str) -> str:
    return f"previous-{name}"


def _views(
    drawings: Iterable[tuple[str, Drawing]], rasters: Mapping[str, bytes] | None = None
) -> dict[str, Any]:
    views: dict[str, Any] = {}
    for name, d in drawings:
        view = name.removesuffix(".svg")
        views[view] = {
            "title": d.title,
            "description": d.description,
            "metadata": d.metadata,
            "columns": list(d.columns),
            "rows": [list(row) for row in d.rows],
        }
        if rasters:
            views[view]["png_sha256"] = sha256(rasters[f"{view}.png"]).hexdigest()
    return views


def data(
    drawings: Sequence[tuple[str, Drawing]],
    since: datetime,
    until: datetime,
    previous: Previous | None = None,
    failures: Sequence[Failure] = (),
    *,
    rasters: Mapping[str, bytes] | None = None,
) -> str:
    """Return the tables and texts behind the pictures as JSON."""
    document = {
        "since": current().iso(since),
        "until": current().iso(until),
        "views": _views(drawings, rasters),
    }
    if current_language() != ENGLISH:
        document["language"] = current_language()
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


def _picture(name: str, value: Any) -> Drawing:
    """Return what a view returned, if it is a picture."""
    if not isinstance(value, Drawing):
        raise UsageError(f"the view {name} draws no picture but returns {type(value).__name__}")
    return value


class _Drawer:
    """Draws pictures, and notes those that fail and those without data.

    Args:
        runner: draws views.
        views: names, in the order of the report.
    """

    def __init__(self, runner: ReportRunner, views: Sequence[str]) -> None:
        self._runner, self._views = runner, views
        self.failures: list[Failure] = []
        self.empty: dict[str, str] = {}  # why there is nothing to see, by view

    def draw(self, since: datetime, until: datetime) -> dict[str, tuple[Drawing, bytes]]:
        """Return the drawing and the SVG of each view by file name, in the order of a report."""
        drawn = {}
        for name in self._views:
            try:
                drawing = _picture(name, self._runner.view(name, since=since, until=until))
                if drawing.empty:
                    self.empty.setdefault(name, drawing.empty)
                else:
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


def _not_drawn(drawer: _Drawer) -> str:
    """Say what is not drawn and why: views without data, then those that failed."""
    reasons: dict[str, list[str]] = {}
    for name, why in drawer.empty.items():
        reasons.setdefault(continued(why), []).append(name)
    if drawer.failures:
        reasons[_("an error")] = _names(drawer.failures)
    if not reasons:
        return ""
    parts = [
        _("{views} ({reason})", views=", ".join(names), reason=why)
        for why, names in reasons.items()
    ]
    return _("Not drawn: {views}.", views="; ".join(parts))


def _heading(project: str, since: datetime, until: datetime) -> str:
    span = scale.zoned_span(since, until)
    if project:
        return _("Who carries the load in {project}, {span}", project=clean(project, 60), span=span)
    return _("Who carries the load, {span}", span=span)


def report(
    runner: ReportRunner,
    out: Path,
    since: datetime,
    until: datetime,
    *,
    previous: bool = False,
    views: Sequence[str] = (),
    png: bool = False,
    project: str = "",
) -> Report:
    """Write views, `index.html`, `index.md` and `data.json` into `out`.

    Pictures of an earlier report that are not part of this one are deleted. The pages name the
    views that failed and those without data. Texts are in the current language.

    Args:
        runner: runs views and queries.
        out: the folder.
        since: start of the range.
        until: end of the range.
        previous: also draw the preceding range of the same length, and state what changed.
        views: names of the views, in their order; empty: the built-in ones.
        png: also write each picture as PNG; it needs the extra `png`.
        project: its name, for the heading.

    Raises:
        UsageError: there is no such view, or the folder cannot be created or written to.
        Exception: that of the first view, if all failed; nothing is written then.
    """
    drawer = _Drawer(runner, chosen(runner.registry, views))
    drawn = drawer.draw(since, until)
    if not drawn and drawer.failures:
        raise drawer.failures[0].error
    missing_now = dict(drawer.empty)
    old, old_drawn = drawer.compare(since, until) if previous else (None, {})
    drawer.empty = missing_now  # of the preceding range, nothing is said
    drawings = [(name, drawing) for name, (drawing, _) in drawn.items()]
    failures = drawer.failures
    missing = _not_drawn(drawer)
    heading = _heading(project, since, until)
    lead = _lead(drawings)
    before = {n: (_before(n), d) for n, d in old.drawings.items()} if old else {}
    page = html.index(
        heading,
        lead,
        drawings,
        before,
        old.changes if old else (),
        missing=missing,
        readings={f"{name}.svg": (_(r.how), _(r.when)) for name, r in readings().items()},
    )
    files: list[tuple[str, bytes]] = [(name, svg) for name, (_, svg) in drawn.items()]
    files += [(_before(name), svg) for name, (_, svg) in old_drawn.items()]
    rasters = {f"{n.removesuffix('.svg')}.png": d.png() for n, d in drawings} if png else {}
    files += rasters.items()
    files += [
        # before the pages, which without it would not be known as those of a report
        ("data.json", data(drawings, since, until, old, failures, rasters=rasters).encode("ascii")),
        ("index.html", page.encode("utf-8")),
        ("index.md", markdown(heading, lead, drawings, old, missing).encode("utf-8")),
    ]
    return Report(write_folder(out, files), failures)
