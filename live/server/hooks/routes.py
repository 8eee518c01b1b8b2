"""`/hook/NAME`: deliveries of webhooks into the spool.

An answer of 2xx says that the delivery is on the disk. The signature is checked over the bytes as
they came, before anything is parsed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from hubbub.collector.decode.deliveries import Delivery
from hubbub.collector.hooks.requests import (
    MAX_BODY,
    delivery,
    frame_of,
    is_ping,
    json_of,
    signed_bytes,
)
from hubbub.collector.hooks.settings import Hook, read_hooks
from hubbub.collector.hooks.signatures import problem
from hubbub.errors import HubbubError, MessageError, NoRoomError
from hubbub.live.server.failures import HttpError, NotFoundError
from hubbub.live.server.hooks.counts import HookCounts
from hubbub.live.server.hooks.keeper import FAILED, HookKeeper
from hubbub.live.server.hooks.writer import FrameWriter
from hubbub.live.server.settings import is_loopback
from hubbub.store import Store

if TYPE_CHECKING:
    from hubbub.live.server.server import Server
    from hubbub.store.spool.writer import SpoolWriter

__all__ = ["routes"]

HELD_BYTES = 128 << 20  # of all bodies that are being received; beyond, requests get 503
_INLINE = 64 << 10  # bytes of a body that is checked without another thread

_UNSIGNED = {
    "missing-signature": "the delivery is not signed",
    "bad-signature": "the signature does not fit the body and the secret",
    "stale-signature": "the signed time is more than five minutes from now",
}


class _Checked(NamedTuple):
    """A delivery from who knows the secret."""

    what: Delivery
    json: bytes


def routes(server: Server) -> list[BaseRoute]:
    """Return the route of all hooks; with hooks in the configuration, also start what they need.

    Raises:
        UsageError: a section `[hooks.NAME]` is not complete, or contradicts itself.
    """
    hooks = read_hooks(server.config.hooks, loopback=is_loopback(server.settings.host))
    intake = _Intake(hooks, FrameWriter(lambda: _spool(server)), HookCounts())
    if hooks:
        bodies = bool(server.config.bodies)
        keeper = HookKeeper(server.store_folder, [*hooks.values()], intake.counts, bodies=bodies)
        server.services += [keeper, intake.writer]
        server.checks.append(intake.writer.faults)
        server.measures.append(intake.counts.collect)
    return [Route("/hook/{name}", intake.accept, methods=["POST"])]


def _spool(server: Server) -> SpoolWriter:
    with Store.open(server.store_folder) as store:
        return store.spool("hooks", bodies=bool(server.config.bodies))


class _Intake:
    """Takes deliveries in.

    Args:
        hooks: by name.
        writer: of the frames.
        counts: of deliveries.
    """

    def __init__(self, hooks: Mapping[str, Hook], writer: FrameWriter, counts: HookCounts) -> None:
        self.hooks, self.writer, self.counts = hooks, writer, counts
        self._held = 0  # bytes of bodies that are being received

    async def accept(self, request: Request) -> Response:
        """Answer a delivery once it is durable."""
        name = request.path_params["name"]
        hook = self.hooks.get(name)
        if hook is None:
            hint = "hooks are named in the configuration: [hooks.NAME]"
            raise NotFoundError(f"there is no hook {name[:80]!r}", hint=hint)
        headers = {
            key.decode("latin-1").lower(): value.decode("latin-1")
            for key, value in request.scope["headers"]
        }
        self._check_length(headers)
        held = [0]
        try:
            body = await self._body(request, held)
            arrived = time.time_ns() // 1000
            if len(body) <= _INLINE:
                checked = self._check(hook, headers, body, arrived)
            else:
                checked = await asyncio.to_thread(self._check, hook, headers, body, arrived)
            if is_ping(checked.what):
                self.counts.add(hook.source, "ping")
                return JSONResponse({"status": "pong", "id": checked.what.id or None})
            frame = frame_of(hook.name, checked.what, checked.json, arrived)
            try:
                await self.writer.write(frame)
            except NoRoomError as error:
                self.counts.add(hook.source, FAILED)
                raise _later(error.what) from error
            except HubbubError:
                self.counts.add(hook.source, FAILED)
                raise
        finally:
            self._held -= held[0]
        self.counts.add(hook.source, "accepted")
        return JSONResponse({"status": "accepted", "id": checked.what.id or None}, 202)

    def _check_length(self, headers: Mapping[str, str]) -> None:
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > MAX_BODY:
            raise _too_large()

    async def _body(self, request: Request, held: list[int]) -> bytes:
        """Read the body; `held[0]` is how much of it is counted in `_held`.

        How long it may take, is limited for all requests (`protection.bodies`).
        """
        chunks: list[bytes] = []
        while True:
            message = await request.receive()
            if message["type"] == "http.disconnect":
                raise HttpError(400, "the body is not complete")
            chunk = message.get("body", b"")
            held[0] += len(chunk)
            self._held += len(chunk)
            if held[0] > MAX_BODY:
                raise _too_large()
            if self._held > HELD_BYTES:
                raise _later("too many large deliveries come at once")
            chunks.append(chunk)
            if not message.get("more_body", False):
                return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def _check(self, hook: Hook, headers: Mapping[str, str], body: bytes, arrived: int) -> _Checked:
        """Return the delivery if it is signed, and its body is JSON.

        Raises:
            HttpError: 401 or 400.
        """
        try:
            signed = signed_bytes(hook.kind, headers, body)
            wrong = hook.secrets and problem(
                hook.kind,
                hook.secrets,
                headers,
                signed,
                arrived / 1_000_000,
                header=hook.signature_header,
            )
            if wrong:
                self.counts.add(hook.source, f"refused:{wrong}")
                raise HttpError(
                    401,
                    _UNSIGNED[wrong],
                    code=wrong,
                    hint="the secret must be the same as the sender's (docs/hooks.md)",
                    headers={"WWW-Authenticate": "Signature"},
                )
            return _Checked(delivery(hook.kind, headers), json_of(headers, body))
        except MessageError as error:
            self.counts.add(hook.source, f"refused:{error.reason}")
            hint = "send JSON: an object"
            raise HttpError(400, error.what, code=error.reason, hint=hint) from None


def _too_large() -> HttpError:
    return HttpError(413, f"the body is larger than {MAX_BODY >> 20} MiB")


def _later(what: str) -> HttpError:
    hint = "send it again in some seconds"
    return HttpError(503, what, hint=hint, headers={"Retry-After": "10"})
