"""From a webhook's request to a frame: the body's JSON, and what the headers say of it."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

from hubbub.collector.decode.deliveries import HOOK, Delivery, pack
from hubbub.collector.decode.objects import parse_object
from hubbub.collector.decode.reasons import MAX_ID, refuse
from hubbub.collector.event import Frame
from hubbub.collector.hooks.signatures import Kind
from hubbub.language.plurals import plural

__all__ = ["MAX_BODY", "delivery", "frame_of", "is_ping", "json_of", "signed_bytes"]

MAX_BODY = 25 << 20  # bytes, the limit of GitHub

_MAX_FIELDS = 16  # of a form that are looked at
_FORM = "application/x-www-form-urlencoded"
_EVENTS: dict[Kind, tuple[str, ...]] = {
    "github": ("x-github-event",),
    "gitlab": ("x-gitlab-event",),
    "forgejo": ("x-forgejo-event", "x-gitea-event", "x-gogs-event"),
    "discourse": ("x-discourse-event-type",),
    "generic": ("x-event", "x-event-type", "x-github-event", "x-gitea-event"),
}
#: The sender's ids, the best first. GitLab's UUID of an event is the same for all events that one
#: event causes; its idempotency key stays the same when a delivery is tried again.
_IDS: dict[Kind, tuple[str, ...]] = {
    "github": ("x-github-delivery",),
    "gitlab": ("webhook-id", "idempotency-key", "x-gitlab-event-uuid"),
    "forgejo": ("x-forgejo-delivery", "x-gitea-delivery", "x-gogs-delivery"),
    "discourse": ("x-discourse-event-id",),
    "generic": ("webhook-id", "idempotency-key", "x-delivery"),
}
_MAX_EVENT = 255  # characters of an event's name


def delivery(kind: Kind, headers: Mapping[str, str]) -> Delivery:
    """Return what the headers say.

    Args:
        kind: of the sender.
        headers: of the request, names in lower case.
    """
    event = _first(headers, _EVENTS[kind])[:_MAX_EVENT]
    if kind == "gitlab":
        event = event.removesuffix(" Hook")
    action = headers.get("x-discourse-event", "")[:_MAX_EVENT] if kind == "discourse" else ""
    return Delivery(kind, event, action, _first(headers, _IDS[kind])[: 4 * MAX_ID])


def is_ping(what: Delivery) -> bool:
    """Whether the sender only tries the hook."""
    return what.event.lower() == "ping" or what.action == "ping"


def json_of(headers: Mapping[str, str], body: bytes) -> bytes:
    """Return the JSON of a body: itself, or the field `payload` of a form.

    Raises:
        MessageError: `not-json`, `not-an-object`, `too-deep`, or `bad-form` for another form.
    """
    text = _payload_of_form(body) if _is_form(headers, body) else body
    parse_object(text)
    return text


def signed_bytes(kind: Kind, headers: Mapping[str, str], body: bytes) -> bytes:
    """Return the bytes that the sender signed: the body; of a form of Forgejo its JSON.

    Raises:
        MessageError: `bad-form`: a form without the field `payload`.
    """
    return _payload_of_form(body) if kind == "forgejo" and _is_form(headers, body) else body


def frame_of(name: str, what: Delivery, body: bytes, arrived: int) -> Frame:
    """Return the frame of a delivery.

    Args:
        name: of the hook.
        what: the headers said.
        body: JSON.
        arrived: µs since the epoch.
    """
    return Frame(f"{HOOK}:{name}", arrived, pack(what), body)


def _is_form(headers: Mapping[str, str], body: bytes) -> bool:
    """Whether a body is a form; programs such as curl call JSON so, too."""
    if body.lstrip().startswith(b"{"):
        return False
    return headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM


def _payload_of_form(body: bytes) -> bytes:
    fields = (field.partition(b"=") for field in body.split(b"&", _MAX_FIELDS))
    payloads = [value for name, _, value in fields if name == b"payload"]
    if len(payloads) != 1:
        raise refuse("bad-form", detail=plural(len(payloads), "field"))
    return unquote_to_bytes(payloads[0].replace(b"+", b" "))


def _first(headers: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((headers[name] for name in names if headers.get(name)), "")
