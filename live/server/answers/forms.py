"""The form of an answer, and its headers."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from hubbub.calls import exchange
from hubbub.live.server.answers.cache import Answer
from hubbub.live.server.answers.links import HEADER
from hubbub.live.server.answers.values import EXCHANGE
from hubbub.live.server.negotiation import choose
from hubbub.live.server.security import DOCUMENT_POLICY

__all__ = ["chosen_form", "respond"]


def chosen_form(
    request: Request, forms: Mapping[str, str], suffix: str | None, parameter: str
) -> str:
    """Return the form of an answer; `EXCHANGE` for hubbub's own client.

    Args:
        request: its header Accept is read.
        forms: the possible encodings by media type.
        suffix: the encoding that the address names.
        parameter: the value of the parameter `content_type`; empty if there is none.

    Raises:
        UsageError: the parameter names no encoding.
    """
    accept = request.headers.get("accept", "")
    if suffix is None and not parameter and exchange.MEDIA_TYPE in accept[:200]:
        return EXCHANGE
    return choose(forms, suffix=suffix, parameter=parameter, accept=accept)


def respond(request: Request, answer: Answer) -> Response:
    """Return an answer, or 304 if the client has it already."""
    headers = {
        "ETag": answer.etag,
        "Cache-Control": "private, no-cache" if answer.private else "no-cache",
        "Vary": "Accept, Authorization, Cookie",
        **({"Hubbub-Coverage": answer.coverage} if answer.coverage else {}),
        "Content-Security-Policy": DOCUMENT_POLICY,
        **answer.headers,
    }
    if HEADER in headers:  # behind a proxy with a prefix
        headers[HEADER] = str(request.scope.get("root_path", "")).rstrip("/") + headers[HEADER]
    asked = request.headers.get("if-none-match", "").split(",")
    known = {tag.strip().removeprefix("W/") for tag in asked}
    if not known.isdisjoint({answer.etag, "*"}):
        return Response(status_code=304, headers=headers)
    return Response(answer.body, headers=headers | {"Content-Type": answer.media_type})
