"""`/query/NAME` and `/view/NAME` of plugins: answered by a process of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from hubbub.language import ENGLISH, use_language
from hubbub.live.server.answers.cache import Answer
from hubbub.live.server.answers.functions import RESERVED, language, pixels, theme
from hubbub.live.server.answers.parameters import Parameters, for_function
from hubbub.live.server.answers.values import encode_query, encode_view
from hubbub.live.server.failures import HttpError, NotFoundError

if TYPE_CHECKING:
    from hubbub.live.server.server import Server
    from hubbub.registry import Function

__all__ = ["call_plugin", "from_plugin"]

#: What the server itself reads of a request to a query, which has no picture.
_QUERY_RESERVED = frozenset({"content_type"})


async def from_plugin(
    server: Server,
    request: Request,
    function: Function,
    values: Parameters,
    form: str,
    *,
    stated: bool,
) -> Answer:
    """Call a plugin's function and encode what it returns.

    Args:
        server: its `plugins` have the function.
        request: says who asks.
        function: of `server.plugins.registry`.
        values: the parameters of the request.
        form: of the answer.
        stated: whether the request states the form.

    Raises:
        HttpError, HubbubError: as `call_plugin`.
    """
    own = {parameter.name for parameter in function.parameters}
    reserved = RESERVED if function.kind == "view" else _QUERY_RESERVED
    kept = {name: texts for name, texts in values.items() if name in own or name not in reserved}
    chosen = language(values, server.config) if function.kind == "view" else ENGLISH
    value = await call_plugin(server, request, function, kept, theme=theme(values), language=chosen)
    private = server.access.allows(request, "people") and function.names_people is not False
    if function.kind == "query":
        return encode_query(function.name, value, form, stated=stated, private=private)
    width, height = pixels(values, "width"), pixels(values, "height")
    with use_language(chosen):
        return encode_view(value, form, width=width, height=height, private=private)


async def call_plugin(
    server: Server,
    request: Request,
    function: Function,
    values: Parameters,
    *,
    theme: str = "auto",
    language: str = ENGLISH,
) -> Any:
    """Call a plugin's function and return its value, as `PluginHost.call`.

    Args:
        server: its `plugins` have the function.
        request: says who asks.
        function: of `server.plugins.registry`.
        values: its parameters.
        theme: of a picture: light, dark or auto.
        language: of its texts.

    Raises:
        HttpError: 503 where too many calls wait, 504 after the time limit.
        HubbubError: as `PluginHost.call`.
    """
    from hubbub.calls.callables import UnknownNameError
    from hubbub.plugins.host import PluginBusyError
    from hubbub.plugins.process import PluginTimeoutError

    assert server.plugins is not None
    try:
        return await server.plugins.call(
            function.kind,
            function.name,
            _plain(for_function(function, values)),
            names=server.access.allows(request, "people"),
            theme=theme,
            language=language,
            url=str(request.base_url).rstrip("/"),
        )
    except PluginTimeoutError as error:
        raise HttpError(504, error.what, hint=error.hint) from None
    except PluginBusyError as error:
        raise HttpError(503, error.what, hint=error.hint, headers={"Retry-After": "5"}) from None
    except UnknownNameError as error:  # the plugins changed since the process was started
        raise NotFoundError(error.what, hint=error.hint) from None


def _plain(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return texts without what `read_parameters` remembers of their origin."""
    return {
        name: [str(text) for text in value] if isinstance(value, list) else str(value)
        for name, value in parameters.items()
    }
