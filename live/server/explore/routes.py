"""The routes of `/explore`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from hubbub.analyzers.explained import EXPLANATIONS
from hubbub.errors import HubbubError
from hubbub.live.server import failures, pages
from hubbub.live.server.answers.functions import with_language
from hubbub.live.server.answers.links import permanent_link
from hubbub.live.server.answers.parameters import Parameters, read_parameters
from hubbub.live.server.explore.described import Described, canonical
from hubbub.live.server.explore.embedding import embedding
from hubbub.live.server.explore.outcome import Outcome
from hubbub.live.server.explore.page import function_page, index_page, page_path
from hubbub.live.server.explore.sources import KINDS, Source, everything, find, known
from hubbub.live.server.html.forms import address
from hubbub.live.server.security import CONTENT_SECURITY_POLICY
from hubbub.run.errors import close_matches
from hubbub.run.names import names_people

if TYPE_CHECKING:
    from hubbub.live.server.server import Server
    from hubbub.registry import Function

__all__ = ["routes"]

_MAX_SEARCH = 200  # characters
#: A view's own page is shown in a frame, without scripts.
_POLICY = f"{CONTENT_SECURITY_POLICY}; frame-src 'self'"


def routes(server: Server) -> list[BaseRoute]:
    """Return the routes of `/explore`.

    The names of handlers begin like those of `/query`, `/view` and `/schema`, so that
    `[serve.wrappers]` for these also guard what is shown here.
    """

    async def schema_page(request: Request) -> Response:
        server.access.require(request, "read")
        words = request.query_params.get("q", "")[:_MAX_SEARCH]
        body = index_page(request, await everything(server), words)
        return pages.answer(request, "Explore", body)

    async def schema_redirect(request: Request) -> Response:
        server.access.require(request, "read")
        name = request.path_params["name"]
        for kind in KINDS:
            if await find(server, request, kind, name) is not None:
                query = request.scope.get("query_string", b"").decode("ascii", "replace")
                root = str(request.scope.get("root_path", "")).rstrip("/")
                target = root + page_path(kind, name) + (f"?{query}" if query else "")
                return RedirectResponse(target, 307)
        raise await _unknown(server, "query or view", name)

    async def handle_query_page(request: Request) -> Response:
        server.access.require(request, "read")
        return await _page(server, request, "query")

    async def handle_view_page(request: Request) -> Response:
        server.access.require(request, "read")
        return await _page(server, request, "view")

    return [
        Route("/explore", schema_page),
        Route("/explore/{name}", schema_redirect),
        Route("/explore/query/{name}", handle_query_page),
        Route("/explore/view/{name}", handle_view_page),
    ]


async def _page(server: Server, request: Request, kind: str) -> Response:
    name = request.path_params["name"]
    found = await find(server, request, kind, name)
    if found is None:
        raise await _unknown(server, kind, name)
    return await _function(server, request, found)


async def _unknown(server: Server, noun: str, name: str) -> failures.NotFoundError:
    names = [one.name for one in await everything(server)]
    return failures.NotFoundError(
        f"there is no {noun[:40]} {name[:80]!r}", hint=close_matches(name, names)
    )


async def _function(server: Server, request: Request, source: Source) -> Response:
    described = source.described
    values = canonical(described, await read_parameters(request))
    kinds = [kind for kind in KINDS if kind != described.kind]
    also = [kind for kind in kinds if known(server, kind, described.name)]
    title = f"{described.kind} {described.name}"
    if not values and any(asked.required for asked in described.own):
        body = function_page(request, described, values, also=also)
        return pages.answer(request, title, body)
    version = server.store.table.version()
    try:
        answer = await source.answer(values)
    except HubbubError as error:
        why = failures.shown(error)
        body = function_page(request, described, values, error=(why.what, why.hint), also=also)
        return pages.answer(request, title, body, status=why.status, headers=why.headers)
    permanent = {
        form: link
        for form in ("html", "svg")
        if (link := _permanent(server, described, values, answer, version, form))
    }
    body = function_page(
        request,
        described,
        values,
        answer=answer,
        also=also,
        permanent=permanent.get("html", ""),
        embedding=_embedding(server, request, described, values, answer, permanent),
        explained=_explained(server, request, described, values, answer),
    )
    headers = {"Content-Security-Policy": _POLICY} if answer.page else {}
    if answer.coverage is not None:
        headers["Hubbub-Coverage"] = answer.coverage.state
    return pages.answer(request, title, body, headers=headers)


def _local(server: Server, described: Described) -> Function | None:
    """Return the function of this server or of a plugin; None for one of another server."""
    if described.server:
        return None
    kind, name = described.kind, described.name
    of_plugin = None if server.plugins is None else server.plugins.find(kind, name)
    return of_plugin or server.registry.of(kind).get(name)


def _built_in(server: Server, described: Described) -> Function | None:
    """Return the built-in function; None for one of a plugin or of another server."""
    function = _local(server, described)
    return function if function is server.registry.of(described.kind).get(described.name) else None


def _permanent(  # noqa: PLR0917 - the parts of one answer
    server: Server,
    described: Described,
    values: Parameters,
    answer: Outcome,
    version: int,
    form: str,
) -> str:
    """Return the permanent address of an answer; empty if it has none.

    Args:
        server: whose functions are known.
        described: the query or view.
        values: its parameters.
        answer: the answer.
        version: of the events, before it was computed.
        form: of the answer at that address.
    """
    function = _built_in(server, described)
    if (
        function is None
        or answer.range is None
        or server.store.read_only  # where no answer can be kept
        or server.store.table.version() != version
    ):
        return ""
    if described.kind == "view":
        values = with_language(values, server.config)
    return permanent_link(function, form, values, answer.range, version)


def _embedding(  # noqa: PLR0917 - the parts of one answer
    server: Server,
    request: Request,
    described: Described,
    values: Parameters,
    answer: Outcome,
    permanent: Mapping[str, str],
) -> str:
    """Return the section with code to embed a picture; empty if the answer is none."""
    if described.kind != "view" or answer.drawing is None:
        return ""
    function = _local(server, described)
    return embedding(
        request,
        described,
        values,
        answer.drawing,
        names=function is not None and names_people(function, values),
        permanent=permanent,
        anonymous=server.access.anonymous,
        settings=server.settings,
    )


def _explained(
    server: Server, request: Request, described: Described, values: Parameters, answer: Outcome
) -> str:
    """Return the address that explains the numbers of a query; empty if there is none."""
    function = _built_in(server, described)
    if (
        function is None
        or described.kind != "query"
        or described.name not in EXPLANATIONS
        or answer.range is None
        or not server.access.allows(request, "people")
    ):
        return ""
    span = {"since": [answer.range[0]], "until": [answer.range[1]]}
    return address(f"/explain/{described.name}", {**values, **span})
