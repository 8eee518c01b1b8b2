"""The pictures of a site: each chosen view drawn, with its table, badge and social card."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hubbub.charts.picture.drawing import Drawing
from hubbub.charts.report.selection import builtin
from hubbub.docstrings import split_docstring
from hubbub.errors import NotAllowedError, UsageError
from hubbub.language import N_, _
from hubbub.publish import catalogue, tables
from hubbub.publish.settings import Settings
from hubbub.run.errors import close_matches
from hubbub.sharing import badge
from hubbub.zones import showing

if TYPE_CHECKING:
    from hubbub.registry import Function, Registry
    from hubbub.run.runner import Runner

__all__ = ["CARD", "MOST_VIEWS", "Missing", "Picture", "chosen", "draw"]

MOST_VIEWS = 60
CARD = (1200, 630)  # px: size of a social card
_TAKEN = frozenset({"topics", "people", "categories"})  # tables of the explorer
_PROFILE = N_("shows what single people do, and people are not named here")
_NAMING = N_("names people, and they are not named here")
_FAILED = N_("failed with an error")
_OTHER = N_("is no picture")
_EMPTY = N_("nothing to draw ({finding})")
_SIZE = re.compile(rb'viewBox="0 0 (\d+) (\d+)"')


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawn view.

    Attributes:
        name: of its files.
        label: what readers call it.
        about: the first paragraph of its description.
        drawing: the picture with its texts.
        size: width and height, px.
        table: the rows behind it.
        badge: its badge, SVG.
        card: its social card, PNG; empty if there is none.
    """

    name: str
    label: str
    about: str
    drawing: Drawing
    size: tuple[int, int]
    table: tables.Table
    badge: bytes = field(repr=False)
    card: bytes = field(repr=False, default=b"")


@dataclass(frozen=True, slots=True)
class Missing:
    """A view that was not drawn.

    Attributes:
        name: of the view.
        label: what readers call it.
        reason: message that follows its name: "shows what single people do".
        values: of the places in the message.
        error: what went wrong; None if nothing did.
    """

    name: str
    label: str
    reason: str
    values: Mapping[str, str] = field(default_factory=dict)
    error: Exception | None = None

    @property
    def why(self) -> str:
        """The reason in the current language."""
        return _(self.reason, **self.values)


def chosen(registry: Registry, views: Sequence[str]) -> list[Function]:
    """Return the views to draw, in order; without names all built-in ones.

    Raises:
        UsageError: there is no such view, or there are too many.
    """
    names = list(dict.fromkeys(views)) or builtin(registry)
    if len(names) > MOST_VIEWS:
        raise UsageError(
            f"{len(names)} views are too many for a site", hint=f"choose at most {MOST_VIEWS}"
        )
    public = [name for name, function in registry.views.items() if function.public]
    for name in names:
        if name not in public:
            raise UsageError(
                f"there is no view {name[:80]!r}",
                where="--views",
                hint=close_matches(name[:80], public),
            )
    return [registry.views[name] for name in names]


def file_name(view: str) -> str:
    """Return the name of a view's files: the view's own, if that is safe and not taken."""
    if re.fullmatch(r"[a-z0-9_]{1,60}", view) and view not in _TAKEN:
        return view
    readable = re.sub(r"[^a-z0-9_]+", "-", view.lower()).strip("-")[:60]
    return f"{readable}-{hashlib.sha256(view.encode()).hexdigest()[:8]}"


def draw(
    make_runner: Callable[[], Runner], functions: Sequence[Function], settings: Settings
) -> Iterator[Picture | Missing]:
    """Draw the views one after the other; one that fails is missing.

    Args:
        make_runner: returns a runner; each view gets its own, so that "person 1" of one picture is
            not known to be that of another.
        functions: the views.
        settings: of the site.
    """
    for function in functions:
        label = catalogue.label(function)
        if function.name in catalogue.PROFILES and not settings.names:
            yield Missing(function.name, label, _PROFILE)
            continue
        try:
            yield _drawn(make_runner(), function, label, settings)
        except NotAllowedError:
            yield Missing(function.name, label, _NAMING)
        except Exception as error:  # noqa: BLE001 - stated on the page, and by the command
            yield Missing(function.name, label, _FAILED, error=error)


def _drawn(runner: Runner, function: Function, label: str, settings: Settings) -> Picture | Missing:
    value = runner.view(function.name)
    name = file_name(function.name)
    if not isinstance(value, Drawing):
        return Missing(function.name, label, _OTHER)
    if not value.rows:
        return Missing(function.name, label, _EMPTY, {"finding": value.title})
    match = _SIZE.search(value.data[:2000])
    size = (int(match[1]), int(match[2])) if match else (800, 450)
    with showing(runner.common.zone):
        table = tables.from_drawing(name, label, value)
    about = " ".join(split_docstring(function.doc)[0].partition("\n\n")[0].split())
    return Picture(
        name=name,
        label=label,
        about=_(about) if about else "",
        drawing=value,
        size=size,
        table=table,
        badge=_badge(function.name, label, value),
        card=value.png(CARD[0], height=CARD[1], font_dirs=settings.font_dirs)
        if settings.cards
        else b"",
    )


def _badge(name: str, label: str, drawing: Drawing) -> bytes:
    text, number = catalogue.badge_number(name, drawing)
    coverage = drawing.metadata.get("coverage")
    facts = coverage if isinstance(coverage, dict) else {}
    state = str(facts.get("state", "unproven"))
    if text == _("messages") and name != "volume":
        text = _("{view}: messages", view=label)
    known = state if state in {"complete", "healed"} else "unproven"
    return badge.draw(text, number, known, incomplete=bool(facts.get("gaps")))
