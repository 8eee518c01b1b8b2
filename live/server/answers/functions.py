"""`/query/NAME` and `/view/NAME` of built-in functions: from a request to an answer.

One mechanism with the command line: a request becomes a call of `Runner`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubbub.charts.picture.drawing import Drawing
from hubbub.config import Config
from hubbub.errors import UsageError
from hubbub.language import ENGLISH, languages, use_language
from hubbub.live.alerts.judged import judged_rules
from hubbub.live.server.answers.cache import Answer
from hubbub.live.server.answers.links import HEADER, permanent_link
from hubbub.live.server.answers.parameters import Parameters, for_function
from hubbub.live.server.answers.values import encode_query, encode_view
from hubbub.run.configured import configured_runner
from hubbub.run.injection import Injector

if TYPE_CHECKING:
    from hubbub.registry import Function
    from hubbub.store import Store

__all__ = ["RESERVED", "language", "pixels", "run_query", "run_view", "theme", "with_language"]

#: Parameters that the server itself reads, unless the function has one of that name.
RESERVED = frozenset({"content_type", "theme", "lang", "width", "height"})
_THEMES = ("auto", "light", "dark")
_MAX_PIXELS = 4_000


def _without_reserved(function: Function, values: Parameters) -> dict[str, Any]:
    own = {parameter.name for parameter in function.parameters}
    kept = {n: v for n, v in values.items() if n in own or n not in RESERVED}
    return for_function(function, kept)


def run_query(
    store: Store,
    config: Config,
    function: Function,
    values: Parameters,
    form: str,
    *,
    names: bool,
) -> Answer:
    """Run a built-in query and encode its result.

    Args:
        store: an open store.
        config: the configuration.
        function: the query.
        values: the parameters of the request.
        form: a name in `hubbub.formats.encode.MEDIA_TYPES`, or `EXCHANGE`.
        names: whether the request may see names of people.

    Raises:
        NotAllowedError: it may not, and the query names some.
        UsageError: a parameter is not allowed.
        StoreError: the store cannot be read.
    """
    runner = configured_runner(store, config, names=names)
    version = store.table.version()
    result = runner.query(function.name, **_without_reserved(function, values))
    answer = encode_query(function.name, result, form, stated=True, private=names)
    edges = result.zone.iso(result.since), result.zone.iso(result.until)
    link = permanent_link(function, form, values, edges, version)
    return _with_link(answer, store, version, link)


def run_view(
    store: Store,
    config: Config,
    function: Function,
    values: Parameters,
    form: str,
    *,
    names: bool,
    style: Path | None = None,
) -> Answer:
    """Draw a built-in view.

    Args:
        store: an open store.
        config: the configuration.
        function: the view.
        values: the parameters of the request, with `theme` and `lang`, and `width` and `height` of
            a PNG.
        form: svg, png, html, csv, json or `EXCHANGE`.
        names: whether the request may see names of people; the picture is drawn without them if
            not.
        style: a TOML file with colours and a font.

    Raises:
        NotAllowedError: a parameter takes accounts, and the request may not see names.
        UsageError: a parameter is not allowed.
        StoreError: the store cannot be read.
    """
    width, height = pixels(values, "width"), pixels(values, "height")
    inject = Injector(store.state, theme=theme(values), style=style)
    runner = configured_runner(
        store, config, inject=inject, names=names, alert_rules=judged_rules(config)
    )
    version = store.table.version()
    with use_language(language(values, config)):
        drawing = runner.view(function.name, **_without_reserved(function, values))
        answer = encode_view(drawing, form, width=width, height=height, private=names)
    metadata = drawing.metadata if isinstance(drawing, Drawing) else {}
    if not {"since", "until"} <= metadata.keys():
        return answer
    edges = metadata["since"], metadata["until"]
    link = permanent_link(function, form, with_language(values, config), edges, version)
    return _with_link(answer, store, version, link)


def _with_link(answer: Answer, store: Store, version: int, link: str) -> Answer:
    """Add the permanent address of an answer, unless events were stored while it was computed."""
    if not link or store.table.version() != version:
        return answer
    return replace(answer, headers={**answer.headers, HEADER: link})


def _last(values: Mapping[str, Sequence[str]], name: str, default: str) -> str:
    return values[name][-1] if values.get(name) else default


def theme(values: Parameters) -> str:
    """Return the theme of a picture that a request asks for.

    Raises:
        UsageError: there is no such theme.
    """
    chosen = _last(values, "theme", "auto")
    if chosen not in _THEMES:
        raise UsageError(f"theme cannot be {chosen[:40]!r}", hint="there are: auto, light, dark")
    return chosen


def language(values: Parameters, config: Config) -> str:
    """Return the language of a picture: of the request, else the configured one, else English.

    Raises:
        UsageError: there is no such language.
    """
    chosen = _last(values, "lang", config.project.lang or ENGLISH)
    if chosen not in languages():
        raise UsageError(
            f"lang cannot be {chosen[:40]!r}", hint=f"there are: {', '.join(languages())}"
        )
    return chosen


def with_language(values: Parameters, config: Config) -> Parameters:
    """Return parameters that name the language of a picture, if that is not English.

    A permanent link without a language is English, whatever is configured later.
    """
    chosen = language(values, config)
    return values if chosen == ENGLISH else {"lang": [chosen], **values}


def pixels(values: Parameters, name: str) -> int | None:
    """Return the width or height of a PNG that a request asks for; None: it asks for none.

    Raises:
        UsageError: it is no number of pixels, or too large.
    """
    text = _last(values, name, "")
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:6]) <= _MAX_PIXELS:
        raise UsageError(
            f"{name} cannot be {text[:40]!r}", hint=f"write a number from 1 to {_MAX_PIXELS}"
        )
    return int(text)
