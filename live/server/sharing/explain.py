"""`/explain/NAME`: the events that a number of a query counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from hubbub.errors import UsageError
from hubbub.formats.encode import json_text
from hubbub.live.server.answers.cache import Answer
from hubbub.live.server.answers.forms import respond
from hubbub.live.server.answers.parameters import Parameters, for_function, read_parameters
from hubbub.live.server.failures import NotFoundError
from hubbub.live.server.negotiation import choose, split_suffix
from hubbub.live.server.security import CONTENT_SECURITY_POLICY
from hubbub.live.server.sharing import explain_page
from hubbub.run.choice import parse_row
from hubbub.run.configured import runner_options
from hubbub.run.errors import close_matches
from hubbub.run.explain import Explainer
from hubbub.run.explained import Explained

if TYPE_CHECKING:
    from hubbub.config import Config
    from hubbub.live.server.server import Server
    from hubbub.registry import Function
    from hubbub.store import Store

__all__ = ["routes"]

_FORMS: Mapping[str, str] = {"application/json": "json", "text/html": "html"}
_OWN = frozenset({"row", "column", "page", "content_type"})
_MAX_DIGITS = 9


def routes(server: Server) -> list[BaseRoute]:
    """Return the route of explanations."""

    async def handle_explain(request: Request) -> Response:
        server.access.require(request, "people")
        name, suffix = split_suffix(request.path_params["name"], _FORMS)
        function = server.registry.queries.get(name)
        if function is None or not function.public:
            names = [n for n, f in server.registry.queries.items() if f.public]
            raise NotFoundError(f"there is no query {name[:80]!r}", hint=close_matches(name, names))
        values = await read_parameters(request)
        form = choose(
            _FORMS,
            suffix=suffix,
            parameter=values.get("content_type", [""])[-1],
            accept=request.headers.get("accept", ""),
        )
        explained = await server.engines.run(
            _explain, server.config, function, values, request=request
        )
        body = _encoded(request, explained, values, form)
        media_type = "application/json" if form == "json" else "text/html; charset=utf-8"
        return respond(
            request,
            Answer(
                body,
                media_type,
                coverage=explained.result.coverage.state,
                private=True,
                headers={"Content-Security-Policy": CONTENT_SECURITY_POLICY},
            ),
        )

    return [Route("/explain/{name}", handle_explain)]


def _explain(store: Store, config: Config, function: Function, values: Parameters) -> Explained:
    own = {name: texts for name, texts in values.items() if name in _OWN}
    given: dict[str, Any] = {name: texts for name, texts in values.items() if name not in _OWN}
    return Explainer(store, **runner_options(config)).explain(
        function.name,
        parse_row(own.get("row", ())),
        column=own.get("column", [""])[-1] or None,
        page=_page(own.get("page", ["1"])[-1]),
        **for_function(function, given),
    )


def _page(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS):
        raise UsageError(f"page cannot be {text[:40]!r}", hint="write a number from 1")
    return int(text)


def _encoded(request: Request, explained: Explained, values: Parameters, form: str) -> bytes:
    if form == "json":
        return json_text(explained.document(), indent=2).encode()
    return explain_page.page(request, explained, values).encode()
