"""The explorer: a form, and a script that reads the tables as Parquet in the browser.

A page that is opened from a disk may not fetch files, but may load scripts: there the tables come
from scripts, which hold the same bytes in Base64.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape

from hubbub.language import N_, _
from hubbub.language.numbers import amount
from hubbub.publish import pages
from hubbub.publish.explore_texts import texts
from hubbub.publish.explorer import OTHER, UNNAMED, Explorer
from hubbub.publish.tables import Table

__all__ = ["SCRIPTS", "as_script", "body"]

#: In the order in which they are loaded.
SCRIPTS = ("static/hyparquet.js", "static/explore.js")
_PER = {"day": N_("Day"), "week": N_("Week"), "month": N_("Month")}
_LEAD = N_("Choose a range and a part of the project; the address of the page keeps the choice.")
_FILES = N_("The {overview} has all pictures, and the files below hold the numbers.")


def as_script(name: str, content: bytes) -> bytes:
    """Return a script that hands the bytes of a file over to the page."""
    return f'hubbubFile("{name}","{base64.b64encode(content).decode("ascii")}");\n'.encode("ascii")


def body(found: Explorer, files: Mapping[str, bytes], *, least: int) -> str:
    """Return the body.

    Args:
        found: the tables.
        files: of the site, with those of the tables.
        least: fewer people are not counted; 0: any number is.
    """
    first, last = pages.days(found.topics.facts)
    periods = "".join(
        f'<option value="{per}"{" selected" if per == found.shown else ""}>{_(name)}</option>'
        for per, name in _offered(found)
    )
    notes = [*found.notes]
    if least:
        notes.append(
            _(
                "People are counted, and not named; where fewer than {least} people take part in a "
                "category and period, their number is not shown.",
                least=amount(least),
            )
        )
    listed = "".join(f"<li>{escape(note)}</li>" for note in notes)
    links = "\n".join(f"<li>{_files_of(table, files)}</li>" for table in found.tables)
    return f"""<h1>{_("Explore")}</h1>
<p>{_(_LEAD)}</p>
<noscript><p class="coverage">{_without_scripts()}</p>
</noscript>
<form id="choice" hidden data-first="{escape(first)}" data-last="{escape(last)}"
 data-per="{found.per}" data-shown="{found.shown}" data-people="{" ".join(found.people_per)}"
 data-other="{escape(OTHER)}" data-unnamed="{escape(UNNAMED)}"
 data-texts="{escape(texts(least))}">
<div class="fields">
{_fields(periods)}
</div>
<p class="actions"><button type="reset">{_("Show everything")}</button></p>
</form>
<div id="result" hidden>
<p id="summary" role="status"></p>
<figure><div class="scroll picture" tabindex="0" role="region" aria-label="{_("Picture")}"
 id="chart"></div></figure>
<h2 id="parts-title">{_("Parts")}</h2>
<div class="scroll" tabindex="0" role="region" aria-labelledby="parts-title"><table class="data"
 id="parts"></table></div>
<details><summary>{_("Each period as a table")}</summary>
<div class="scroll" tabindex="0" role="region" aria-label="{_("Periods")}"><table class="data"
 id="periods"></table></div></details>
<p class="links"><a id="save" download="selection.csv" href="data/topics.csv">{
        _("Download this selection as CSV")
    }</a></p>
</div>
<p id="trouble" class="alert" role="alert" hidden></p>
{pages.coverage_words(found.topics.facts)}
<ul class="notes">{listed}</ul>
<h2>{_("All numbers")}</h2>
<ul>
{links}
</ul>"""


def _fields(periods: str) -> str:
    """Return the fields of the form; `periods` are options."""
    measures = (
        f'<option value="messages">{_("Messages")}</option>'
        f'<option value="bytes">{_("Bytes")}</option><option value="people">{_("People")}</option>'
    )
    controls = (
        ("from", _("From"), '<input id="from" name="from" type="date">'),
        ("to", _("To, inclusive"), '<input id="to" name="to" type="date">'),
        ("measure", _("Count"), f'<select id="measure" name="measure">{measures}</select>'),
        ("per", _("Per"), f'<select id="per" name="per">{periods}</select>'),
        (
            "category",
            _("Category"),
            f'<select id="category" name="category"><option value="">{_("All")}</option></select>',
        ),
        (
            "topic",
            _("Topic contains"),
            (
                '<input id="topic" name="topic" type="search" list="topics" autocomplete="off" '
                'spellcheck="false"><datalist id="topics"></datalist>'
            ),
        ),
    )
    return "\n".join(
        f'<div class="field"><label for="{name}">{label}</label>{control}</div>'
        for name, label, control in controls
    )


def _files_of(table: Table, files: Mapping[str, bytes]) -> str:
    links = pages.file_links(table, files, "")
    return _("{table}: {files}", table=escape(table.title), files=links)


def _without_scripts() -> str:
    """Return what those read whose browser runs no scripts; HTML."""
    overview = f'<a href="index.html">{_("overview")}</a>'
    return f"{_('Without scripts this page shows nothing else.')} {_(_FILES, overview=overview)}"


def _offered(found: Explorer) -> Sequence[tuple[str, str]]:
    """Return the periods that the tables can answer: weeks cannot be added up to months."""
    return [(per, name) for per, name in _PER.items() if found.per in {"day", per}]
