"""Answers of this folder from the cache of the server."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

from hubbub.live.server.answers.cache import Answer, is_relative
from hubbub.live.server.answers.parameters import Parameters, cache_key

if TYPE_CHECKING:
    from starlette.requests import Request

    from hubbub.live.server.server import Server

__all__ = ["cached"]


async def cached(
    server: Server,
    request: Request,
    what: Hashable,
    values: Parameters,
    run: Callable[..., Answer],
    *arguments: Any,
) -> Answer:
    """Return the cached answer, or that of `run(store, server.config, *arguments, names=…)`.

    Args:
        server: whose cache and engines.
        request: interrupts the call when its client goes away.
        what: distinguishes the answer from others with the same parameters.
        values: the parameters.
        run: computes the answer.
        arguments: of `run`.
    """
    names = server.access.allows(request, "people")
    key, stamp = (what, cache_key(values), names), server.answers.stamp()
    answer = server.answers.get(key, stamp)
    if answer is None:
        answer = await server.engines.run(
            run, server.config, *arguments, request=request, names=names
        )
        server.answers.put(key, stamp, answer, relative=is_relative(values))
    return answer
