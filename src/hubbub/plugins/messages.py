"""Messages between a server and the processes of its plugins, and how they are framed.

A frame is its length in four bytes and MessagePack; nothing is ever unpickled. Neither side accepts
a frame of more than `MAX_FRAME` bytes.
"""

from __future__ import annotations

import struct
from typing import Any

import msgspec

from hubbub.config import Config
from hubbub.language import ENGLISH

__all__ = [
    "LENGTH",
    "MAX_FRAME",
    "CallFunction",
    "CallHandlers",
    "Called",
    "Described",
    "Failed",
    "FromWorker",
    "Loading",
    "Ready",
    "RunJob",
    "Start",
    "ToWorker",
    "TooLargeError",
    "decoder",
    "frame",
]

LENGTH = struct.Struct("!I")
MAX_FRAME = 64 << 20


class TooLargeError(ValueError):
    """A message is larger than a frame may be."""


class Start(msgspec.Struct, frozen=True, tag=True):
    """The first message to a process: what it loads.

    Attributes:
        store: folder of the store.
        config: the configuration.
        files: plugin files, in order.
        skipped: plugins that ended an earlier process while they were loaded.
        style: a TOML file with colours and a font.
    """

    store: str
    config: Config
    files: tuple[str, ...]
    skipped: tuple[str, ...] = ()
    style: str | None = None


class CallFunction(msgspec.Struct, frozen=True, tag=True):
    """Call a query or view."""

    kind: str
    name: str
    parameters: dict[str, Any]  # texts, or lists of texts
    names: bool = True  # whether the answer may name people
    theme: str = "auto"
    url: str = ""  # of the server, for the addresses of files
    seconds: float = 30.0  # that it may take
    passed: tuple[str, ...] = ()  # the servers that the request has passed (hubbub.calls.hops)
    language: str = ENGLISH


class RunJob(msgspec.Struct, frozen=True, tag=True):
    """Run a job with its configured parameters."""

    name: str
    seconds: float = 3600.0


class CallHandlers(msgspec.Struct, frozen=True, tag=True):
    """Call event handlers; the body is that of `hubbub.run.handling.answer`."""

    body: bytes
    seconds: float = 30.0


ToWorker = Start | CallFunction | RunJob | CallHandlers


class Described(msgspec.Struct, frozen=True):
    """A function of a plugin, as the server knows it.

    Attributes:
        parameters: of its signature: name, annotation as `hubbub.plugins.schema` writes it (None:
            an injected object), whether there is a default, and the default as JSON.
        extra: of an event handler its options, of a job its schedule as a text.
    """

    kind: str
    name: str
    module: str
    title: str
    doc: str
    category: str | None
    names_people: bool | str | None
    accounts: tuple[str, ...]
    parameters: tuple[tuple[str, dict[str, Any] | None, bool, Any], ...]
    extra: dict[str, Any]


class Loading(msgspec.Struct, frozen=True, tag=True):
    """A plugin is about to be loaded: if the process ends now, this one is the reason."""

    plugin: str


class Ready(msgspec.Struct, frozen=True, tag=True):
    """A process has loaded everything.

    Attributes:
        functions: of plugins, in the order of their registration.
        paths: the names of modules in addresses.
        notes: for the log: names that were replaced, and the like.
        failed: plugins that cannot be imported, and why.
    """

    functions: list[Described]
    paths: dict[str, str]
    notes: list[str]
    failed: dict[str, str]


class Called(msgspec.Struct, frozen=True, tag=True):
    """The answer to a call: `hubbub.calls.exchange` of a value, or another body."""

    body: bytes


class Failed(msgspec.Struct, frozen=True, tag=True):
    """A call failed.

    Attributes:
        kind: usage, unknown, refused (the answer would name people), remote (another server, whose
            address is in `where`) or failed.
        traceback: for the log; empty where the request is to blame.
        ends: whether the process ends, since it may be short of memory.
    """

    kind: str
    what: str
    where: str = ""
    hint: str = ""
    traceback: str = ""
    ends: bool = False


FromWorker = Loading | Ready | Called | Failed


def frame(message: msgspec.Struct) -> bytes:
    """Return a message with its length before it.

    Raises:
        TooLargeError: it is too large.
    """
    body = msgspec.msgpack.encode(message)
    if len(body) > MAX_FRAME:
        raise TooLargeError(f"{len(body):,} bytes; at most {MAX_FRAME:,} are passed on")
    return LENGTH.pack(len(body)) + body


def decoder(kind: Any) -> msgspec.msgpack.Decoder[Any]:
    """Return a decoder of `ToWorker` or `FromWorker`."""
    return msgspec.msgpack.Decoder(kind)
