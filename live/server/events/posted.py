"""What was posted to `/httpevent`, as a list of events.

One object, a list of objects, JSON text of either, or a list of JSON texts.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn
from urllib.parse import parse_qsl

from hubbub.live.server.failures import HttpError

__all__ = ["MAX_BODY", "MAX_BYTES", "MAX_EVENTS", "form_of", "parse", "parse_text"]

MAX_BYTES = 1 << 20  # of the events of a request, in characters
MAX_BODY = MAX_BYTES  # bytes of a body
MAX_EVENTS = 10_000  # of a request
MAX_DEPTH = 100  # levels of lists and objects
_FORMS = "post a JSON object, a list of objects, or JSON text of either"


def parse_text(text: str) -> list[dict[str, Any]]:
    """Return the events of a text; see `parse`.

    Raises:
        HttpError: 400, it holds no events; 413, it is too large.
    """
    if len(text) > MAX_BYTES:
        raise HttpError(
            413, f"the events are larger than {MAX_BYTES:,} bytes", hint="send them in parts"
        )
    return parse(_json(text))


def form_of(text: str) -> dict[str, str]:
    """Return the fields of a form; the last of repeated ones.

    Raises:
        HttpError: 400, it has a hundred fields, or is not UTF-8.
    """
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=100, errors="strict"))
    except ValueError as error:
        raise HttpError(400, f"the form cannot be read: {error}"[:200], hint=_FORMS) from None


def parse(value: Any) -> list[dict[str, Any]]:
    """Return the events that a JSON value holds.

    Args:
        value: an object, a list of objects or of JSON texts of objects, or a JSON text.

    Raises:
        HttpError: 400, it is something else, or nested too deeply.
    """
    if isinstance(value, str):
        value = _json(value)
    events = value if isinstance(value, list) else [value]
    if len(events) > MAX_EVENTS:
        raise HttpError(400, f"more than {MAX_EVENTS:,} events", hint="send them in parts")
    found = [_json(event) if isinstance(event, str) else event for event in events]
    for number, event in enumerate(found):
        if not isinstance(event, dict):
            which = f"event {number} is" if isinstance(value, list) else "the event is"
            raise HttpError(400, f"{which} no object, but {_kind(event)}", hint=_FORMS)
        _check(event)
    return found


def _json(text: str) -> Any:
    try:
        return _decode(text)
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:
        raise HttpError(400, f"not JSON: {error}"[:200], hint=_FORMS) from None


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number of JSON")


_decode = json.JSONDecoder(parse_constant=_no_number).decode


def _check(event: dict[str, Any]) -> None:
    """Check the depth of an object, and that its texts can be written as UTF-8."""
    level: list[Any] = [event]
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                below += [*value.keys(), *value.values()]
            elif isinstance(value, list):
                below += value
            elif isinstance(value, str):
                try:
                    value.encode()
                except UnicodeEncodeError:
                    raise HttpError(
                        400, "a text has half of a character", hint="send UTF-8"
                    ) from None
            elif isinstance(value, float) and abs(value) == float("inf"):
                raise HttpError(400, "a number is larger than any that can be stored", hint=_FORMS)
        if not below:
            return
        level = below
    raise _too_deep()


def _too_deep() -> HttpError:
    return HttpError(400, f"an event is nested deeper than {MAX_DEPTH} levels")


def _kind(value: Any) -> str:
    names = {list: "a list", bool: "a truth value", int: "a number", float: "a number"}
    return "null" if value is None else names.get(type(value), "a text")
