"""`/badge/NAME.svg`: one number of a query as a small picture, with its coverage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from hubbub.live.server.answers.cache import Answer
from hubbub.live.server.answers.forms import respond
from hubbub.live.server.answers.parameters import Parameters, for_function, read_parameters
from hubbub.live.server.failures import NotFoundError
from hubbub.live.server.sharing.cached import cached
from hubbub.run.configured import configured_runner
from hubbub.run.errors import close_matches
from hubbub.sharing.badge import draw, number_at

if TYPE_CHECKING:
    from hubbub.config import Config
    from hubbub.live.server.server import Server
    from hubbub.registry import Function
    from hubbub.store import Store

__all__ = ["routes"]

_SUFFIX = ".svg"
_OWN = frozenset({"path", "label"})


def routes(server: Server) -> list[BaseRoute]:
    """Return the route of badges."""

    async def handle_badge(request: Request) -> Response:
        server.access.require(request, "read")
        name = request.path_params["name"].removesuffix(_SUFFIX)
        function = server.registry.queries.get(name)
        if function is None or not function.public:
            names = [n for n, f in server.registry.queries.items() if f.public]
            raise NotFoundError(f"there is no query {name[:80]!r}", hint=close_matches(name, names))
        values = await read_parameters(request)
        what = ("badge", function.name)
        return respond(
            request, await cached(server, request, what, values, _badge, function, values)
        )

    return [Route("/badge/{name}", handle_badge)]


def _badge(
    store: Store, config: Config, function: Function, values: Parameters, *, names: bool
) -> Answer:
    own = {parameter.name for parameter in function.parameters}
    path = "" if "path" in own else values.get("path", [""])[-1]
    label = function.name if "label" in own else values.get("label", [function.name])[-1]
    given = {n: v for n, v in values.items() if n in own or n not in _OWN}
    runner = configured_runner(store, config, names=names)
    result = runner.query(function.name, **for_function(function, given))
    number = number_at(result.data, path)
    incomplete = bool(result.coverage.gaps)
    return Answer(
        draw(label, number, result.coverage.state, incomplete=incomplete),
        "image/svg+xml",
        coverage=result.coverage.state,
        private=names,
    )
