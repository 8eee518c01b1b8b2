"""Code with which other sites show a view of this server, on the view's page."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.requests import Request

from hubbub.charts.picture.text import clean
from hubbub.live.server.answers.parameters import Parameters
from hubbub.live.server.explore.described import Described
from hubbub.live.server.explore.form import plain_words
from hubbub.live.server.html.forms import address
from hubbub.run.names import ACCOUNT_PARAMETERS
from hubbub.sharing import embed

if TYPE_CHECKING:
    from hubbub.charts.picture.drawing import Drawing
    from hubbub.live.server.settings import ServeSettings

__all__ = ["embedding"]

_SIZE = re.compile(rb'viewBox="0 0 (\d+) (\d+)"')
_AROUND = 120  # px: what the page of a picture has above and below it
_LABEL = 200  # characters


def embedding(
    request: Request,
    described: Described,
    values: Parameters,
    drawing: Drawing,
    *,
    names: bool,
    permanent: Mapping[str, str],
    anonymous: frozenset[str],
    settings: ServeSettings,
) -> str:
    """Return the section with code to embed; where others would see nothing, the reason.

    Args:
        request: whose host and prefix the addresses get.
        described: the view.
        values: its parameters, as `canonical` returns them.
        drawing: the picture.
        names: whether the view names people, and cannot do without.
        permanent: permanent addresses by form; empty if there are none.
        anonymous: scopes of readers without a token.
        settings: of the server.
    """
    heading = '<h2 id="embed">Show it elsewhere</h2>\n'
    refused = _refused(values, anonymous, names=names)
    if refused:
        return f"{heading}<p>{refused}</p>"
    base = str(request.base_url).rstrip("/")
    name = quote(described.name, safe="")
    label = clean(plain_words(described.summary) or described.name, _LABEL)
    page = base + address(f"/explore/view/{name}", values)
    current = {form: address(f"/view/{name}.{form}", values) for form in ("svg", "html")}
    hidden = "" if "people" in anonymous else " Readers without a token see people numbered."
    frames = (
        f"Sites that may show the frame: {', '.join(settings.frame_ancestors)}."
        if settings.frame_ancestors
        else "No other site may show the frame yet: name them in <code>frame_ancestors</code> of "
        "<code>[serve]</code>."
    )
    parts = [heading, f"<p>Code for a page, a blog or a README.{hidden} {frames}</p>\n"]
    size = _size(drawing)
    if permanent:
        fixed = embed.Embedded(
            base + permanent["svg"],
            base + permanent["html"],
            clean(drawing.description, 2 * _LABEL),
            *size,
        )
        parts += [
            _group("As it is now", "Permanent links: the same bytes, whatever is stored later."),
            _fields("now", fixed, base + permanent["html"]),
        ]
    following = embed.Embedded(base + current["svg"], page, label, *size)
    parts += [
        _group("Following new data", "The range is the one of the form; without one it ends now."),
        _fields("new", following, base + current["html"]),
    ]
    return "".join(parts)


def _refused(values: Parameters, anonymous: frozenset[str], *, names: bool) -> str:
    """Say why readers of other sites would see nothing; empty if they see the picture."""
    if "read" not in anonymous:
        return (
            "Other sites cannot show it: this server answers only who has a token "
            "(<code>anonymous</code> of <code>[serve]</code>)."
        )
    naming = sorted(ACCOUNT_PARAMETERS & values.keys())
    if "people" not in anonymous and (naming or names):
        why = f"<code>{escape(naming[0])}</code> chooses people" if naming else "it names people"
        return f"Other sites cannot show it: {why}, whom readers without a token may not see."
    return ""


def _size(drawing: Drawing) -> Sequence[int]:
    match = _SIZE.search(drawing.data[:2000])
    return (int(match[1]), int(match[2])) if match else (800, 450)


def _group(heading: str, about: str) -> str:
    return f'<h3>{escape(heading)}</h3>\n<p class="quiet">{escape(about)}</p>\n'


def _fields(group: str, one: embed.Embedded, framed: str) -> str:
    codes = (
        ("HTML", embed.html(one)),
        ("Markdown", embed.markdown(one)),
        ("Frame, with the data as a table", embed.frame(framed, one.label, one.height + _AROUND)),
    )
    return "\n".join(embed.field(f"embed-{group}-{n}", *each) for n, each in enumerate(codes, 1))
