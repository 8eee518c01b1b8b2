"""The form of a query or view, made from the description of its parameters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from starlette.requests import Request

from hubbub.live.server import pages
from hubbub.live.server.answers.parameters import Parameters
from hubbub.live.server.explore.described import Asked, Described
from hubbub.live.server.html.forms import Field, field

__all__ = ["form", "prose"]

_RANGE = ("since", "until", "tz")
_EXAMPLES: Mapping[str, str] = {
    "time": "2026-01-31 or 7d",
    "duration": "24h, 7d or 4w",
    "time zone": "Europe/Berlin",
    "JSON object": '{"key": 1}',
    "JSON array": "[1, 2]",
}
_OPTION = re.compile(r"(?<![\w-])--(?:\[no-\])?([a-z][a-z0-9-]*)")
_CODE = re.compile(r"`([^`]+)`")


def form(
    request: Request, described: Described, path: str, values: Parameters, wrong: str = ""
) -> str:
    """Return the form.

    Args:
        request: whose prefix the links get.
        described: the query or view.
        path: of its page.
        values: what is filled in.
        wrong: an error, which is shown beside the parameter that it names.
    """
    common = {asked.name: asked for asked in described.common}
    ranges = [common.pop(name) for name in _RANGE if name in common]

    def fields(asked: Iterable[Asked]) -> str:
        return "".join(field(_field(one, values, wrong)) for one in asked)

    given = any(values.get(name) for name in common)
    filters = fields(common.values())
    parts = [
        _set("Parameters", fields(described.own)) if described.own else "",
        _set("Range", fields(ranges)) if ranges else "",
        (
            f"<details{' open' if given else ''}><summary>Filters, and who counts</summary>"
            f"{_set('Filters', filters)}</details>"
        ),
        f'<p class="actions"><button>Show</button> {pages.anchor(request, path, "Start over")}</p>',
    ]
    return (
        f'<form action="{pages.link(request, path)}" method="get" class="parameters">\n'
        + "\n".join(filter(None, parts))
        + "</form>"
    )


def _set(legend: str, fields: str) -> str:
    return (
        f'<fieldset><legend>{escape(legend)}</legend><div class="fields">{fields}</div></fieldset>'
    )


def _field(asked: Asked, values: Parameters, wrong: str) -> Field:
    given = values.get(asked.name) or []
    value = "\n".join(given) if asked.many else (given[-1] if given else "")
    about = plain_words(asked.about)
    if asked.many:
        about = f"{about}; one on each line".removeprefix("; ")
    error = wrong if names(wrong, asked.name) else ""
    label = asked.name.replace("_", " ")
    if asked.choices and not asked.many:
        choices = _without_abbreviations(asked.choices, value or asked.default)
        if asked.default not in asked.choices:
            choices.insert(0, ("", "choose" if asked.required else "not stated"))
        if value and value not in dict(choices):
            choices.append((value, value))
        return Field(
            asked.name, label, "select", value or asked.default, choices, about,
            required=asked.required, error=error,
        )  # fmt: skip
    if asked.many and asked.choices:
        about = f"{about}: {', '.join(asked.choices)}"
    kinds = {"integer": "integer", "number": "number"}
    kind = "lines" if asked.many else kinds.get(asked.word, "text")
    example = asked.default or _EXAMPLES.get(asked.word, "")
    return Field(
        asked.name, label, kind, value, (), about,  # type: ignore[arg-type] # a literal
        placeholder=example, required=asked.required, error=error,
    )  # fmt: skip


def _without_abbreviations(choices: Sequence[str], chosen: str) -> list[tuple[str, str]]:
    """Return value and text of each choice; of `d` and `day` one, with the text `day`."""
    whole = {
        choice: next((c for c in choices if len(choice) == 1 and len(c) > 1 and c[0] == choice), "")
        for choice in choices
    }
    hidden = {whole[chosen]} if whole.get(chosen) else set()
    return [
        (choice, whole[choice] or choice)
        for choice in choices
        if choice not in hidden and (not whole[choice] or choice == chosen)
    ]


def names(wrong: str, name: str) -> bool:
    """Whether an error is about a parameter: `per cannot be …`, `query 'x' needs per`."""
    return wrong.endswith(f" needs {name}") or bool(
        re.search(rf"(?:^|: ){re.escape(name)} (?:cannot|needs|is)\b", wrong)
    )


def plain_words(text: str) -> str:
    """Name parameters as they stand in an address: `not_user` for `--not-user`."""
    return _OPTION.sub(lambda match: match[1].replace("-", "_"), text)


def prose(text: str) -> str:
    """Return the paragraphs of a docstring as HTML."""
    return "\n".join(
        f"<p>{_inline(' '.join(paragraph.split()))}</p>"
        for paragraph in re.split(r"\n\s*\n", text)
        if paragraph.strip()
    )


def _inline(text: str) -> str:
    return _CODE.sub(r"<code>\1</code>", escape(plain_words(text), quote=False))


def listed(items: Sequence[str]) -> str:
    """Return a list; empty if there is nothing to list."""
    return f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>" if items else ""
