"""The page with all downloads, and the `datapackage.json` that describes them.

The description follows Frictionless Data Package 2.0: each file is a resource with its hash, and
each table has a schema with types and units.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from hubbub.charts.picture.text import clean
from hubbub.language import _
from hubbub.language.numbers import amount
from hubbub.publish import pages
from hubbub.publish.settings import Settings
from hubbub.publish.tables import FORMS, Column, Table

__all__ = ["body", "package"]

_PROFILE = "https://datapackage.org/profiles/2.0/datapackage.json"
_RESOURCE = "https://datapackage.org/profiles/2.0/dataresource.json"
_SCHEMA = "https://datapackage.org/profiles/2.0/tableschema.json"


def body(settings: Settings, tables: Sequence[Table], files: Mapping[str, bytes]) -> str:
    """Return the body of the page.

    Args:
        settings: of the site.
        tables: those of the explorer first.
        files: of the site, with those of the tables.
    """
    rows = "\n".join(_row(table, files) for table in tables)
    if settings.licence is None:
        terms = _("No licence is stated: ask the publisher before you use the data.")
    else:
        name = escape(settings.licence.title)
        if settings.licence.path:
            name = f'<a href="{escape(settings.licence.path)}">{name}</a>'
        terms = _("The data may be used under the licence {licence}.", licence=name)
    tables_as = _("Every table as CSV, JSON (where it is not very large) and Parquet.")
    described = _(
        "{file} describes all files for programs: types, units, hashes, and how complete each "
        "range is.",
        file='<a href="datapackage.json">datapackage.json</a>',
    )
    return (
        f"<h1>{_('The data')}</h1>\n"
        f"<p>{tables_as} {terms}</p>\n"
        f"<p>{described}</p>\n"
        f'<div class="scroll" tabindex="0" role="region" aria-label="{_("Files")}">'
        '<table class="data">\n'
        f"<caption>{_('Files to download')}</caption>\n"
        f'<thead><tr><th scope="col">{_("Table")}</th><th scope="col" class="n">{_("Rows")}</th>'
        f'<th scope="col">{_("Range")}</th><th scope="col">{_("Files")}</th></tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody></table></div>"
    )


def _row(table: Table, files: Mapping[str, bytes]) -> str:
    links = pages.file_links(table, files, "")
    name = escape(clean(table.title, 120))
    if table.label:
        link = f'<a href="views/{table.name}.html">{escape(table.label)}</a>'
        name = f'{link}<br><span class="quiet">{name}</span>'
    return (
        f'<tr><th scope="row">{name}</th>'
        f'<td class="n">{amount(len(table.rows))}</td>'
        f"<td>{escape(pages.range_words(table.facts))}</td><td>{links}</td></tr>"
    )


def package(settings: Settings, tables: Sequence[Table], files: Mapping[str, bytes]) -> bytes:
    """Return the `datapackage.json` of these tables.

    Args:
        settings: of the site.
        tables: all tables.
        files: of the site, with those of the tables.
    """
    resources = [
        _resource(table, suffix, files[path])
        for table in tables
        for suffix in FORMS
        if (path := f"data/{table.name}.{suffix}") in files
    ]
    document: dict[str, Any] = {
        "$schema": _PROFILE,
        "name": "hubbub-site",
        "title": clean(settings.title, 200),
        "description": _("Counts of the messages of a project, and of the people whom they name."),
        "resources": resources,
    }
    if settings.url:
        document["homepage"] = settings.url
    if settings.licence is not None:
        found = settings.licence
        document["licenses"] = [
            {"name": found.name, "title": found.title}
            | ({"path": found.path} if found.path else {})
        ]
    return (json.dumps(document, indent=1, ensure_ascii=True, default=str) + "\n").encode("ascii")


def _resource(table: Table, suffix: str, content: bytes) -> dict[str, Any]:
    form, media_type = FORMS[suffix]
    facts = {
        key: table.facts[key]
        for key in ("query", "parameters", "since", "until", "events", "coverage")
        if key in table.facts
    }
    resource: dict[str, Any] = {
        "$schema": _RESOURCE,
        "name": f"{table.name}-{suffix}",
        "path": f"data/{table.name}.{suffix}",
        "title": clean(table.label or table.title, 200),
        "description": clean(table.title, 200),
        "type": "table",
        "format": suffix,
        "mediatype": media_type,
        "bytes": len(content),
        "hash": f"sha256:{hashlib.sha256(content).hexdigest()}",
        "schema": {
            "$schema": _SCHEMA,
            "missingValues": [""],
            "fields": [_field(column) for column in table.columns],
        },
        **facts,
    }
    if form != "Parquet":
        resource["encoding"] = "utf-8"
    return resource


def _field(column: Column) -> dict[str, Any]:
    found: dict[str, Any] = {"name": column.name, "type": column.type}
    if column.about:
        found["description"] = _(column.about)
    if column.unit:
        found["unit"] = column.unit
    return found
