"""Fields of forms as HTML: each has a label, a help text, and its error beside it.

Everything is escaped here. Forms work without a script and by keyboard alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal
from urllib.parse import urlencode

__all__ = ["Field", "address", "alert", "field", "table"]

Kind = Literal["text", "integer", "number", "select", "lines"]
_SAFE = ":*,/@"  # characters that need no escape in a query
_LINES = 3  # of a field for several values
#: Elements and attributes of each kind that is an `<input>`.
_INPUTS: Mapping[str, str] = {
    "text": 'type="text" autocapitalize="off" autocomplete="off" spellcheck="false"',
    # a field of type number would hide a wrong value, which the error is about
    "integer": 'type="text" inputmode="numeric" autocomplete="off"',
    "number": 'type="text" inputmode="decimal" autocomplete="off"',
}


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a form.

    Args:
        name: of the parameter.
        label: plain text.
        kind: how it is filled in; `lines` takes a value on each line.
        value: what it holds; values of `lines` are joined by line breaks.
        choices: (value, text) of a `select`.
        about: one or two sentences below the label.
        placeholder: an example.
        required: whether the form needs a value.
        error: why the value is not allowed; empty if it is.
    """

    name: str
    label: str
    kind: Kind = "text"
    value: str = ""
    choices: Sequence[tuple[str, str]] = ()
    about: str = ""
    placeholder: str = ""
    required: bool = False
    error: str = ""

    @property
    def id(self) -> str:
        """The id of its element."""
        return f"field-{self.name}"


def field(one: Field) -> str:
    """Return a field with its label, help text and error."""
    name, described = escape(one.name), []
    mark = " <span>(required)</span>" if one.required else ""
    parts = [
        f'<label for="{escape(one.id)}">{escape(one.label)}{mark}</label>',
    ]
    for suffix, text, css in (("about", one.about, "quiet"), ("error", one.error, "error")):
        if text:
            described.append(f"{one.id}-{suffix}")
            parts.append(f'<p id="{escape(one.id)}-{suffix}" class="{css}">{escape(text)}</p>')
    attributes = f'id="{escape(one.id)}" name="{name}"'
    attributes += f' aria-describedby="{escape(" ".join(described))}"' if described else ""
    attributes += ' aria-invalid="true"' if one.error else ""
    attributes += " required" if one.required else ""
    parts.append(_control(one, attributes))
    return f'<div class="field">{"".join(parts)}</div>'


def _control(one: Field, attributes: str) -> str:
    if one.kind == "select":
        options = "".join(
            f'<option value="{escape(value)}"{" selected" if value == one.value else ""}>'
            f"{escape(text)}</option>"
            for value, text in one.choices
        )
        return f"<select {attributes}>{options}</select>"
    if one.placeholder:
        attributes += f' placeholder="{escape(one.placeholder)}"'
    if one.kind == "lines":
        rows = max(1, min(_LINES * 3, one.value.count("\n") + 1))
        return (
            f'<textarea {attributes} rows="{rows}" autocapitalize="off" autocomplete="off" '
            f'spellcheck="false">\n{escape(one.value)}</textarea>'
        )
    return f'<input {attributes} {_INPUTS[one.kind]} value="{escape(one.value)}">'


def alert(what: str, hint: str = "") -> str:
    """Return an error above a form, which screen readers read out."""
    if not what:
        return ""
    more = f" {escape(_sentence(hint[:1].upper() + hint[1:]))}" if hint else ""
    # not in capitals: it may begin with the name of a parameter
    return f'<div class="alert" role="alert"><p><b>{escape(_sentence(what))}</b>{more}</p></div>'


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."


def address(path: str, values: Mapping[str, Sequence[str]]) -> str:
    """Return a path with parameters, not escaped for HTML; those without a value are left out."""
    pairs = [(name, value) for name, given in values.items() for value in given]
    return f"{path}?{urlencode(pairs, safe=_SAFE)}" if pairs else path


def table(caption: str, columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table that scrolls by itself, also by keyboard.

    Args:
        caption: HTML.
        columns: HTML of the heads.
        rows: HTML of the cells; one that begins with `<td` is a whole cell.
    """
    head = "".join(f'<th scope="col">{column}</th>' for column in columns)
    lines = "\n".join(
        f"<tr>{''.join(c if c.startswith('<td') else f'<td>{c}</td>' for c in row)}</tr>"
        for row in rows
    )
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Table">'
        f'<table class="data">\n<caption>{caption}</caption>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{lines}\n</tbody></table></div>"
    )
