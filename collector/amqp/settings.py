"""Settings of a connection to an AMQP bus, from the name of a public bus or a URL.

| address | bus |
| --- | --- |
| `fedora` | Fedora Messaging, with its public client certificate |
| `opensuse` | openSUSE's bus |
| `amqps://user:password@host:5671/vhost?…` | any broker |

| parameter of the URL | meaning |
| --- | --- |
| `exchange` | topic exchange to bind to, which must exist; by default `amq.topic` |
| `queue` | durable queue; by default a random name, which the store remembers |
| `heartbeat` | seconds; by default 60 |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from hubbub.errors import UsageError

__all__ = ["BUSES", "Certificates", "Settings", "parse_address", "with_certificates"]

_PORTS = {"amqp": 5672, "amqps": 5671}
_PARAMETERS = ("exchange", "queue", "heartbeat")
_EXAMPLE = "write fedora, opensuse, or for example amqps://user:password@bus.example.org/vhost"
_MAX_NAME = 255  # bytes of a queue's or exchange's name
_MAX_HEARTBEAT = 3600


@dataclass(frozen=True, slots=True)
class Settings:
    """How to connect to a broker, and what to consume there."""

    host: str
    port: int
    virtual_host: str = "/"
    user: str = "guest"
    password: str = field(default="guest", repr=False)
    encrypted: bool = False
    ca: Path | None = None  # certificate of the CA, PEM; None: the system's CAs
    certificate: Path | None = None  # of this client; with it the user is the certificate's
    key: Path | None = None
    exchange: str = "amq.topic"
    routing_keys: tuple[str, ...] = ()  # binding patterns; empty: what `--topic` says
    queue: str = ""  # empty: a random name that the store remembers
    temporary: bool = False  # the queue is named by the broker and vanishes with the connection
    durable: bool = True
    exclusive: bool = False
    auto_delete: bool = False
    arguments: Mapping[str, Any] = field(default_factory=dict)  # of the queue's declaration
    passive: bool = False  # do not create the queue
    client_properties: Mapping[str, Any] = field(default_factory=dict)
    prefetch: int = 8_000  # messages in flight that are not acknowledged
    heartbeat: int = 60  # s

    @property
    def address(self) -> str:
        """The address for logs and the ledger; without user, password and parameters."""
        scheme = "amqps" if self.encrypted else "amqp"
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[scheme] else f":{self.port}"
        vhost = "" if self.virtual_host == "/" else quote(self.virtual_host, safe="")
        return f"{scheme}://{host}{port}/{vhost}"

    @property
    def source(self) -> str:
        """The `source` of frames from this bus."""
        return f"amqp:{self.address}"


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files of `--amqp-ca`, `--amqp-cert` and `--amqp-key`."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


def with_certificates(settings: Settings, *choices: Settings | Certificates) -> Settings:
    """Return the settings with each file of the first choice that names it; else none."""
    return replace(
        settings,
        ca=next((choice.ca for choice in choices if choice.ca), None),
        certificate=next((choice.certificate for choice in choices if choice.certificate), None),
        key=next((choice.key for choice in choices if choice.key), None),
    )


#: The public buses, by the name that `--amqp` accepts.
BUSES: Mapping[str, Settings] = {
    "fedora": Settings(
        host="rabbitmq.fedoraproject.org",
        port=5671,
        virtual_host="/public_pubsub",
        user="fedora",
        password="",
        encrypted=True,
    ),
    "opensuse": Settings(
        host="rabbit.opensuse.org",
        port=5671,
        user="opensuse",
        password="opensuse",  # noqa: S106  the bus's published account
        encrypted=True,
        exchange="pubsub",
        # Two words or more after `obs`: `opensuse.obs.metrics` is not JSON.
        routing_keys=("opensuse.obs.*.*.#", "opensuse.src.#"),
        temporary=True,
        durable=False,
        exclusive=True,
        auto_delete=True,
    ),
}


def parse_address(text: str) -> Settings:
    """Return the settings of a bus given by name or URL.

    Raises:
        UsageError: not a known name, or not a valid URL.
    """
    if text in BUSES:
        return BUSES[text]
    scheme, separator, _ = text.partition("://")
    if not separator and (near := get_close_matches(text, BUSES, n=1)):
        raise _invalid(text, "there is no such bus", f"did you mean {near[0]}?")
    if not separator or scheme not in _PORTS:
        raise _invalid(text, "not an AMQP address")
    try:
        url = urlsplit(text)
        host, port = url.hostname, url.port
    except ValueError as error:
        raise _invalid(text, f"not an AMQP address: {error}") from None
    if not host:
        raise _invalid(text, "the address has no host")
    if url.fragment:
        raise _invalid(text, "write # in a password or name as %23")
    path = url.path.removeprefix("/")
    if "/" in path:
        raise _invalid(text, "write / in the name of a virtual host as %2F")
    settings = Settings(
        host=host,
        port=_PORTS[scheme] if port is None else port,
        virtual_host=unquote(path) or "/",
        user=unquote(url.username) if url.username is not None else "guest",
        password=unquote(url.password or "") if url.username is not None else "guest",
        encrypted=scheme == "amqps",
    )
    return _with_parameters(settings, url.query, text)


def _with_parameters(settings: Settings, query: str, text: str) -> Settings:
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in _PARAMETERS:
            allowed = ", ".join(_PARAMETERS)
            raise _invalid(text, f"unknown parameter {name[:40]}", f"known are {allowed}")
        if not value or len(value.encode()) > _MAX_NAME:
            raise _invalid(text, f"{name} has 1 to {_MAX_NAME} bytes")
        if name == "exchange":
            settings = replace(settings, exchange=value)
        elif name == "queue":
            settings = replace(settings, queue=value)
        elif not value.isascii() or not value.isdigit() or not 0 < int(value) <= _MAX_HEARTBEAT:
            raise _invalid(text, f"heartbeat is between 1 and {_MAX_HEARTBEAT} seconds")
        else:
            settings = replace(settings, heartbeat=int(value))
    return settings


def _invalid(text: str, what: str, hint: str = _EXAMPLE) -> UsageError:
    scheme, separator, rest = text.partition("://")
    shown = f"{scheme}://{rest.rpartition('@')[2]}" if separator else text
    return UsageError(what, where=f"--amqp {shown[:200]}", hint=hint)
