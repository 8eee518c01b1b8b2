"""HTML pages for one picture and for a report.

The same drawings give the same HTML. Pages need no network, and work with screen readers, in dark
mode, on phones and on paper.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from hubbub.charts.picture.text import clean
from hubbub.language import _, current_language, ngettext
from hubbub.language.numbers import amount
from hubbub.spreadsheet import escape_formula

if TYPE_CHECKING:
    from hubbub.charts.picture.drawing import Drawing

__all__ = ["image", "index", "rows_table", "single", "table", "table_csv"]

_OTHER = re.compile(r"other \(([\d,]+)\)")  # the column of the smaller series together
_ROWS = 1000  # of a table in a page; the data file has all

_STYLE = """\
:root{color-scheme:light dark}
body{font:16px/1.5 "Noto Sans","Open Sans","DejaVu Sans",Verdana,sans-serif;color:#1f2328;
background:#fff;margin:0 auto;padding:1rem;max-width:52rem}
h1{font-size:1.6rem;line-height:1.25}
h2{font-size:1.15rem}
img,svg{max-width:100%;height:auto;display:block}
figure{margin:1rem 0 2.5rem}
figcaption,footer{color:#59636e;font-size:.9rem}
a{color:#1a2fc0}
.reading p{margin:.3rem 0}
.scroll{overflow-x:auto}
.said{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
nav{font-size:.95rem}
nav a{text-decoration:none}
nav ul{padding-left:1.2rem;margin:.3rem 0 2rem}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,36rem),1fr));gap:1rem}
.pair p{margin:.2rem 0;color:#59636e;font-size:.9rem}
body:has(.pair){max-width:104rem}
table{border-collapse:collapse;font-size:.85rem}
caption{text-align:left;color:#59636e}
th,td{padding:.15rem .6rem;border-bottom:1px solid #d9dee4;text-align:left}
td.n{text-align:right;font-variant-numeric:tabular-nums}
@media screen and (prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}
figcaption,footer,caption,.pair p{color:#9da7b3}a{color:#4aa8ff}th,td{border-color:#2a313a}}
@media (max-width:44rem){.said{position:static;width:auto;height:auto;clip-path:none}
figure .scroll>img,figure .scroll>svg{min-width:40rem}}
@media print{body{max-width:none;padding:0;font-size:12px}details,nav{display:none}
figure{break-inside:avoid;margin:0 0 1.2rem}img{max-height:40vh;width:auto}
.pair{grid-template-columns:1fr 1fr;gap:.5rem}}
img.still{display:none}
@media print{img.moving{display:none}img.still{display:block}}
@media (prefers-reduced-motion:reduce){img.moving{display:none}img.still{display:block}}"""


def _document(title: str, body: str) -> str:
    return (
        f'<!DOCTYPE html>\n<html lang="{current_language()}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{_STYLE}\n</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def _cell(value: Any) -> str:
    if value is None:
        return '<td class="n">–</td>'
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f'<td class="n">{amount(value)}</td>'
    return f"<td>{escape(clean(value, 200))}</td>"


def _heading(column: str) -> str:
    """Translate the name of a column, which is English in data."""
    if other := _OTHER.fullmatch(column):
        return _("other ({n})", n=amount(int(other[1].replace(",", ""))))
    return _(column)


def rows_table(caption: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return an HTML table with a caption and scopes, of at most a thousand rows.

    Names of columns that the catalogue has are translated.
    """
    head = "".join(f'<th scope="col">{escape(clean(_heading(c)))}</th>' for c in columns)
    body = "\n".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows[:_ROWS])
    hidden = len(rows) - _ROWS
    if hidden > 0:
        caption = ngettext(
            "{caption}; {n} more row is not shown here",
            "{caption}; {n} more rows are not shown here",
            hidden,
            caption=caption,
        )
    return (
        f'<div class="scroll"><table>\n<caption>{escape(caption)}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"
    )


def table(drawing: Drawing) -> str:
    """Return the rows behind a picture as an HTML table."""
    return rows_table(drawing.title, drawing.columns, drawing.rows)


def table_csv(drawing: Drawing) -> str:
    """Return the rows behind a picture as CSV; cells that look like formulas are escaped."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(escape_formula(clean(c)) for c in drawing.columns)
    for row in drawing.rows:
        writer.writerow(escape_formula(clean(v, 200)) if isinstance(v, str) else v for v in row)
    return text.getvalue()


def single(drawing: Drawing) -> str:
    """Return the page of one picture, with its table and its data as CSV."""
    svg = drawing.svg().decode("utf-8").partition("?>")[2].strip()
    data = quote(table_csv(drawing))
    body = (
        f'<main>\n<h1 class="said">{escape(drawing.title)}</h1>\n'
        f'<figure>\n<div class="scroll">{svg}</div>\n'
        f'<figcaption class="said">{escape(drawing.description)}</figcaption>\n</figure>\n'
        f'<p><a download="data.csv" href="data:text/csv;charset=utf-8,{data}">'
        f"{_('The data as CSV')}</a></p>\n"
        f"<details>\n<summary>{_('The data as a table')}</summary>\n{table(drawing)}\n</details>\n"
        "</main>"
    )
    return _document(drawing.title, body)


def index(
    heading: str,
    lead: str,
    drawings: Sequence[tuple[str, Drawing]],
    before: Mapping[str, tuple[str, Drawing]] | None = None,
    changes: Sequence[str] = (),
    *,
    missing: str = "",
    readings: Mapping[str, tuple[str, str]] | None = None,
) -> str:
    """Return the page of a report; it loads the pictures from SVG files in its folder.

    Args:
        heading: of the page.
        lead: a sentence below the heading.
        drawings: (file name of the SVG, drawing), in the order of the page.
        before: (file name, drawing) of the same view of the preceding period, by file name.
        changes: sentences on what changed since that period.
        missing: a sentence on what could not be drawn.
        readings: how to read a picture, and when not to trust it, by file name.
    """
    figures = "\n".join(
        _figure(name, d, (before or {}).get(name), (readings or {}).get(name))
        for name, d in drawings
    )
    items = "\n".join(f"<li>{escape(c)}</li>" for c in changes)
    listed = f"\n<p>{escape(missing)}</p>" if missing else ""
    listed += f"\n<h2>{_('What changed')}</h2>\n<ul>\n{items}\n</ul>" if items else ""
    links = "\n".join(
        f'<li><a href="#{escape(_anchor(name), quote=True)}">{escape(d.title)}</a></li>'
        for name, d in drawings
    )
    listed += f"\n<nav>\n<h2>{_('What the pictures say')}</h2>\n<ul>\n{links}\n</ul>\n</nav>"
    link = '<a href="data.json">data.json</a>'
    body = (
        f"<header>\n<h1>{escape(heading)}</h1>\n<p>{escape(lead)}</p>{listed}\n</header>\n"
        f"<main>\n{figures}\n</main>\n"
        f"<footer><p>{_('All numbers: {link}', link=link)}</p></footer>"
    )
    return _document(heading, body)


def _figure(
    name: str,
    drawing: Drawing,
    before: tuple[str, Drawing] | None,
    reading: tuple[str, str] | None,
) -> str:
    pictures = _img(name, drawing)
    if before is not None:
        pictures = (
            f'<div class="pair">\n<div>{pictures}</div>\n'
            f"<div>{_img(*before)}<p>{_('The same before.')}</p></div>\n</div>"
        )
    return (
        f'<figure id="{escape(_anchor(name), quote=True)}">\n'
        f'<h2 class="said">{escape(drawing.title)}</h2>\n{pictures}\n{_reading(reading)}'
        f"<details>\n<summary>{_('The data behind this picture')}</summary>\n"
        f"{table(drawing)}\n</details>\n</figure>"
    )


def _reading(reading: tuple[str, str] | None) -> str:
    if reading is None:
        return ""
    how, when = map(escape, reading)
    return (
        '<figcaption class="reading">'
        f"<p><strong>{_('How to read it.')}</strong> {how}</p>\n"
        f"<p><strong>{_('When not to trust it.')}</strong> {when}</p></figcaption>\n"
    )


def _anchor(name: str) -> str:
    return name.removesuffix(".svg")


def _img(name: str, drawing: Drawing) -> str:
    return f'<div class="scroll">{image(quote(name), drawing, lazy=True)}</div>'


def image(source: str, drawing: Drawing, *, lazy: bool = False) -> str:
    """Return a picture as an image; an animated one as two, of which the page's style shows one.

    Nothing moves on paper, and for who prefers it: browsers tell an SVG in `<img>` of neither.

    Args:
        source: address of the SVG.
        drawing: the picture.
        lazy: whether it is loaded when it comes into sight.
    """
    common = f'alt="{escape(drawing.description)}"{_size(drawing)}'
    loading = ' loading="lazy"' if lazy else ""
    if not drawing.still:
        return f'<img src="{escape(source)}" {common}{loading}>'
    # the second is loaded at once: when a page is printed it is too late
    return (
        f'<img class="moving" src="{escape(source)}" {common}{loading}>'
        f'<img class="still" src="{escape(source)}#{drawing.still}" {common}>'
    )


def _size(drawing: Drawing) -> str:
    """Return size attributes, so that the layout does not shift while the page loads."""
    head = drawing.svg()[:2000].decode("utf-8", "replace")
    parts = [part for part in head.partition("<title")[0].split('"') if part]
    sizes = dict(zip(parts[::2], parts[1::2], strict=False))
    width, height = (sizes.get(f" {side}=", "") for side in ("width", "height"))
    if not (width.isdigit() and height.isdigit()):
        return ""
    return f' width="{width}" height="{height}"'
