"""The explorer: a form, and a script that reads the tables as Parquet in the browser.

A page that is opened from a disk may not fetch files, but may load scripts: there the tables come
from scripts, which hold the same bytes in Base64.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape

from hubbub.publish import pages
from hubbub.publish.explorer import OTHER, Explorer

__all__ = ["SCRIPTS", "as_script", "body"]

#: In the order in which they are loaded.
SCRIPTS = ("static/hyparquet.js", "static/explore.js")
_PER = {"day": "Day", "week": "Week", "month": "Month"}


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
        f'<option value="{per}"{" selected" if per == _default(found) else ""}>{name}</option>'
        for per, name in _offered(found)
    )
    notes = [*found.notes]
    if least:
        notes.append(
            f"People are counted, and not named; where fewer than {least} people take part in a "
            "category and period, their number is not shown."
        )
    listed = "".join(f"<li>{escape(note)}</li>" for note in notes)
    links = "\n".join(
        f"<li>{escape(table.title)}: {pages.file_links(table, files, '')}</li>"
        for table in (found.topics, found.people)
    )
    return f"""<h1>Explore</h1>
<p>Choose a range and a part of the project; the address of the page keeps the choice.</p>
<noscript><p class="coverage">Without scripts this page shows nothing else. The
<a href="index.html">overview</a> has all pictures, and the files below hold the numbers.</p>
</noscript>
<form id="choice" hidden data-first="{escape(first)}" data-last="{escape(last)}"
 data-per="{found.per}" data-other="{escape(OTHER)}" data-least="{least}">
<div class="fields">
<div class="field"><label for="from">From</label><input id="from" name="from" type="date"></div>
<div class="field"><label for="to">To, inclusive</label><input id="to" name="to" type="date"></div>
<div class="field"><label for="measure">Count</label><select id="measure" name="measure">
<option value="messages">Messages</option><option value="bytes">Bytes</option>
<option value="people">People</option></select></div>
<div class="field"><label for="per">Per</label><select id="per" name="per">{periods}</select></div>
<div class="field"><label for="category">Category</label><select id="category" name="category">
<option value="">All</option></select></div>
<div class="field"><label for="topic">Topic contains</label><input id="topic" name="topic"
 type="search" list="topics" autocomplete="off" spellcheck="false"><datalist id="topics"></datalist>
</div>
</div>
<p class="actions"><button type="reset">Show everything</button></p>
</form>
<div id="result" hidden>
<p id="summary" role="status"></p>
<figure><div class="scroll picture" tabindex="0" role="region" aria-label="Picture"
 id="chart"></div></figure>
<h2 id="parts-title">Parts</h2>
<div class="scroll" tabindex="0" role="region" aria-labelledby="parts-title"><table class="data"
 id="parts"></table></div>
<details><summary>Each period as a table</summary>
<div class="scroll" tabindex="0" role="region" aria-label="Periods"><table class="data"
 id="periods"></table></div></details>
<p class="links"><a id="save" download="selection.csv" href="data/topics.csv">Download this
selection as CSV</a></p>
</div>
<p id="trouble" class="alert" role="alert" hidden></p>
{pages.coverage_words(found.topics.facts)}
<ul class="notes">{listed}</ul>
<h2>All numbers</h2>
<ul>
{links}
</ul>"""


def _offered(found: Explorer) -> Sequence[tuple[str, str]]:
    """Return the periods that the tables can answer: weeks cannot be added up to months."""
    return [(per, name) for per, name in _PER.items() if found.per in {"day", per}]


def _default(found: Explorer) -> str:
    """Return the period with which the page begins: weeks, unless there are few days."""
    days = len({row[0] for row in found.topics.rows})
    return "week" if found.per == "day" and days > 90 else found.per  # noqa: PLR2004
