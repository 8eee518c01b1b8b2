"""The injected `query` and `view` with the other servers of the configuration after one's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hubbub.analyzers.result import Gap, Result
from hubbub.calls.callables import Callables
from hubbub.calls.combined import merge
from hubbub.language import current_language
from hubbub.run.scope import CommonOptions

if TYPE_CHECKING:
    from hubbub.calls.remote import RemoteServer

__all__ = ["with_servers"]


def with_servers(
    own: Callables,
    kind: str,
    servers: Sequence[RemoteServer],
    options: CommonOptions,
    *,
    names: bool,
    gaps: list[Gap],
) -> Callables:
    """Return one's own functions, and those of other servers under names that one has not.

    A function of another server that is about events inherits the options of the caller, as one's
    own functions do; a view is drawn in the caller's language.

    Args:
        own: the queries or the views of this store.
        kind: query or view.
        servers: asked in this order.
        options: of the caller.
        names: whether the caller may see names of people.
        gaps: to which those of each result are added.
    """
    if not servers:
        return own
    inherited = options.stated()

    def asking(server: RemoteServer) -> Callables:
        def call(name: str, parameters: Mapping[str, Any]) -> Any:
            entry = server.entry(kind, name)
            more = inherited if entry is not None and entry.common else {}
            if kind == "view":
                more = {**more, "lang": current_language()}
            answer = server.call(kind, name, {**more, **parameters}, names=names)
            if isinstance(answer, Result):
                gaps.extend(gap for gap in answer.coverage.gaps if gap not in gaps)
            return answer

        return Callables(kind, server.functions(kind), call)

    return merge(kind, [own, *map(asking, servers)])
