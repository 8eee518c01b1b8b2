"""The bytes of a usage report: its table and its picture; and the topics that have events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from hubbub.config import Config
from hubbub.formats import encode
from hubbub.language import use_language
from hubbub.live.server.answers.cache import Answer
from hubbub.live.server.answers.functions import language, pixels, theme
from hubbub.live.server.answers.values import encode_view
from hubbub.live.server.usage.reports import Period, Report, draw, unique, usage_runner
from hubbub.run.configured import configured_runner

if TYPE_CHECKING:
    from hubbub.store import Store

__all__ = ["Topics", "picture", "table", "topics"]

_YEAR = timedelta(days=365)


def table(store: Store, *, config: Config, counted: Report, chosen: Period, form: str) -> Answer:
    """Return the unique users of each period.

    Args:
        store: an open store.
        config: the configuration.
        counted: the report.
        chosen: its range.
        form: json (an object with `code`, `message` and `data`), csv, html or text.

    Raises:
        UsageError: the range has too many periods.
        StoreError: the store cannot be read.
    """
    result = unique(usage_runner(store, config, counted), counted, chosen)
    if form == "json":
        envelope = {"code": 200, "message": "OK", "data": result.data}
        body = encode.json_text(envelope).encode()
    else:
        body = encode.encode(result, form)
    return Answer(body, encode.MEDIA_TYPES[form], coverage=result.coverage.state)


def picture(
    store: Store,
    *,
    config: Config,
    counted: Report,
    chosen: Period,
    form: str,
    drawn: Mapping[str, list[str]],
    style: Path | None,
) -> Answer:
    """Return the picture of a report.

    Args:
        store: an open store.
        config: the configuration.
        counted: the report.
        chosen: its range.
        form: svg, png or html.
        drawn: the parameters `theme`, `lang`, `width` and `height` of the request.
        style: a TOML file with colours and a font.

    Raises:
        UsageError: the range has too many periods, or a parameter is not allowed.
        StoreError: the store cannot be read.
    """
    runner = usage_runner(store, config, counted, theme=theme(drawn), style=style)
    width, height = pixels(drawn, "width"), pixels(drawn, "height")
    with use_language(language(drawn, config)):
        return encode_view(draw(runner, counted, chosen), form, width=width, height=height)


@dataclass(frozen=True, slots=True)
class Topics:
    """Messages of each topic in a range, the most first."""

    since: datetime
    until: datetime
    messages: Sequence[tuple[str, int]]


def topics(store: Store, config: Config) -> Topics:
    """Return the topics of the last year of the stored events.

    Raises:
        StoreError: the store cannot be read.
    """
    runner = configured_runner(store, config)
    until = runner.range().until
    since = max(runner.range().since, until - _YEAR)
    result = runner.query("volume", per="week", axis="topic", since=since, until=until)
    counted: Counter[str] = Counter()
    for row in result.data:
        counted[row["name"]] += row["messages"]
    ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    return Topics(result.since, result.until, ordered)
