"""Answers to addresses with `at`: computed once, then the same bytes until something is deleted.

`at=VERSION` is a version of the events table. The first request computes the answer from that
version and keeps it in the store (`hubbub.store.permanent`); who may see names and who may not have
different answers.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from hubbub.errors import NoRoomError, UsageError
from hubbub.language import ENGLISH
from hubbub.live.server.answers.cache import Answer, is_relative
from hubbub.live.server.answers.functions import run_query, run_view
from hubbub.live.server.answers.links import AT, HEADER
from hubbub.live.server.answers.parameters import Parameters, cache_key
from hubbub.live.server.answers.searchable import searchable
from hubbub.live.server.answers.values import EXCHANGE
from hubbub.live.server.failures import HttpError, NotFoundError
from hubbub.store.permanent.answers import Gone, Kept, PermanentAnswers
from hubbub.store.tables.pinned import as_of
from hubbub.times import to_micros

if TYPE_CHECKING:
    from starlette.requests import Request

    from hubbub.live.server.server import Server
    from hubbub.registry import Function
    from hubbub.store import Store

__all__ = ["is_pinned", "pinned_answer"]

#: Names may be forgotten, so that no client keeps them for longer than an hour.
_WITH_NAMES = "private, max-age=3600, immutable"
_WITHOUT_NAMES = "public, max-age=31536000, immutable"
_MAX_DIGITS = 15
_ALL_THE_PAST = frozenset({"past", "ledger"})  # injected: the answer is not only about its range


def is_pinned(function: Function, values: Parameters) -> bool:
    """Whether a request asks for the answer of a version."""
    return AT in values and AT not in {parameter.name for parameter in function.parameters}


async def pinned_answer(
    server: Server, request: Request, function: Function, values: Parameters, form: str
) -> Answer:
    """Return the answer of a version, from the kept ones or computed and kept.

    Raises:
        HttpError: 410 where something of it was deleted, 404 where the version cannot be read any
            more and the answer was never kept, 507 where there is no room to keep it.
        UsageError: `at` is no version, or the function's answers cannot be kept.
    """
    if form == EXCHANGE:
        raise UsageError("a permanent address has one form", hint="add .json, .csv, .svg or .html")
    return await server.engines.run(
        _answer,
        server,
        function,
        {name: given for name, given in values.items() if name != AT},
        form,
        _version(values[AT][-1]),
        server.access.allows(request, "people"),
        _room(server, request),
        request=request,
    )


def _room(server: Server, request: Request) -> int:
    """Return how many bytes the kept answers may take after this request."""
    room = server.settings.permanent_size
    known = server.settings.auth == "none" or server.access.identity(request).name
    return room if known else room // 2  # the rest is for those who have a token


def _version(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS):
        raise UsageError(
            f"at cannot be {text[:40]!r}",
            hint=f"it is a version of the events, as the header {HEADER} has it",
        )
    return int(text)


def _answer(  # noqa: PLR0917 - the parts of one request
    store: Store,
    server: Server,
    function: Function,
    values: Parameters,
    form: str,
    version: int,
    names: bool,  # noqa: FBT001
    room: int,
) -> Answer:
    answers = PermanentAnswers.of(store)
    if store.read_only:
        raise HttpError(
            507, "this store cannot be written here, so that no answer can be kept",
            hint="leave out `at`",
        )  # fmt: skip
    without_form = {n: v for n, v in values.items() if n != "content_type"}
    key = answers.key(
        function.kind, function.name, form, repr(cache_key(without_form)), str(version), str(names)
    )
    found = answers.find(key)
    if found is None:
        make = partial(_compute, store, server, function, without_form, form, version, names)
        try:
            found = answers.keep(key, make, room=room)
        except NoRoomError as error:
            raise HttpError(507, error.what, hint=error.hint) from error
    if isinstance(found, Gone):
        raise HttpError(
            410, f"this answer is gone: {found.reason}",
            hint="the address without `at` shows what is stored now",
        )  # fmt: skip
    return Answer(
        found.body,
        found.media_type,
        coverage=found.coverage,
        private=found.private,
        headers={"Cache-Control": _WITH_NAMES if found.private else _WITHOUT_NAMES},
    )


def _compute(  # noqa: PLR0917 - the parts of one request
    store: Store,
    server: Server,
    function: Function,
    values: Parameters,
    form: str,
    version: int,
    names: bool,  # noqa: FBT001
) -> Kept:
    """Compute an answer from a version of the events.

    Raises:
        NotFoundError: that version cannot be read any more.
        UsageError: its range counts back from now, and the version is not the present one.
    """
    current = store.table.version()
    if version != current and is_relative(values):
        raise UsageError(
            "an address of an earlier version needs times: since and until",
            hint=f"the header {HEADER} of the answer without `at` has them",
        )
    try:
        past = as_of(store, version)
    except LookupError as error:
        raise NotFoundError(
            f"version {version} of the events cannot be read, and this answer was never kept",
            hint=f"leave out `at`; the header {HEADER} then has the address of the present version",
        ) from error
    run: Callable[..., Answer] = partial(run_query, past, server.config, function, values)
    if function.kind == "view":
        values = {"lang": [ENGLISH], **values}  # the configured language may change
        run = partial(run_view, past, server.config, function, values, style=server.settings.style)
    answer = run(form=form, names=names)
    # every name in full, whatever the form shows
    document = msgspec.json.decode(run(form=EXCHANGE, names=names).body)
    return Kept(
        body=answer.body,
        media_type=answer.media_type,
        coverage=answer.coverage,
        private=answer.private,
        version=version,
        since=_since(past, function, document),
        created=time.time_ns() // 1000,
        text=searchable(document),
    )


def _since(store: Store, function: Function, document: dict[str, Any]) -> int:
    """Return the beginning (µs) of what an answer was computed from."""
    bounds = store.bounds()
    oldest = 0 if bounds is None else bounds[0]
    since = document.get("since") or document.get("metadata", {}).get("since")
    if since is None or not _ALL_THE_PAST.isdisjoint(function.signature):
        return oldest
    return to_micros(datetime.fromisoformat(since))
