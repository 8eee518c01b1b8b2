"""Read a configuration file of fedora-messaging, as people already have it.

Of its keys these are used: `amqp_url`, `tls`, `client_properties`, `qos.prefetch_count`,
`passive_declares`, `bindings` and `queues`. The others concern publishing and callbacks.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from hubbub.collector.amqp.settings import Settings, parse_address
from hubbub.errors import UsageError

__all__ = ["read_configuration"]


class _Tls(msgspec.Struct, frozen=True):
    ca_cert: str | None = None
    keyfile: str | None = None
    certfile: str | None = None


class _Qos(msgspec.Struct, frozen=True):
    prefetch_count: int = 0


class _Queue(msgspec.Struct, frozen=True):
    durable: bool = False
    auto_delete: bool = False
    exclusive: bool = False
    arguments: dict[str, Any] = {}


class _Binding(msgspec.Struct, frozen=True):
    exchange: str = "amq.topic"
    queue: str = ""
    routing_keys: tuple[str, ...] = ("#",)


class _File(msgspec.Struct, frozen=True):
    amqp_url: str = "amqp://?connection_attempts=3&retry_delay=5"  # fedora-messaging's default
    tls: _Tls = _Tls()
    qos: _Qos = _Qos()
    client_properties: dict[str, Any] = {}
    passive_declares: bool = False
    bindings: tuple[_Binding, ...] = ()
    queues: dict[str, _Queue] = {}


def read_configuration(path: Path) -> Settings:
    """Return the settings in a configuration of fedora-messaging.

    Without a queue in the file, the broker names one, which vanishes with the connection. The
    prefetch count of the file is raised to hubbub's: it acknowledges hundreds at a time.

    Raises:
        UsageError: the file cannot be read, is not such a configuration, or consumes several
            queues or exchanges.
    """
    where = f"--amqp-config {path}"
    try:
        document = tomllib.loads(path.read_bytes().decode())
        file = msgspec.convert(document, _File)
    except OSError as error:
        raise UsageError(f"cannot read the file: {error.strerror}", where=where) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"not a TOML file: {error}", where=where) from error
    except msgspec.ValidationError as error:
        raise UsageError(f"not a configuration of fedora-messaging: {error}", where=where) from None
    url = file.amqp_url.partition("?")[0]  # its parameters tune pika, whose tuning is ours
    settings = parse_address(url if "://" in url[:8] and url[7:].strip("/") else f"{url}localhost")
    name, queue = _queue(file, where)
    settings = replace(
        settings,
        queue=name,
        temporary=not name,
        durable=bool(name) and queue.durable,
        exclusive=queue.exclusive or not name,
        auto_delete=queue.auto_delete or not name,
        arguments=queue.arguments,
        passive=file.passive_declares,
        client_properties=file.client_properties,
        prefetch=max(settings.prefetch, file.qos.prefetch_count),
    )
    settings = _bind(settings, file.bindings, where)
    return replace(
        settings,
        ca=_path(file.tls.ca_cert, path),
        certificate=_path(file.tls.certfile, path),
        key=_path(file.tls.keyfile, path),
    )


def _queue(file: _File, where: str) -> tuple[str, _Queue]:
    """Return the queue to consume; the name is empty if the broker names it."""
    names = {binding.queue for binding in file.bindings if binding.queue} | set(file.queues)
    if len(names) > 1:
        listed = ", ".join(sorted(names))[:200]
        raise UsageError(
            f"the file has several queues ({listed}), and one listener consumes one",
            where=where,
            hint="write a file for each, and give --amqp-config several times",
        )
    name = next(iter(names), "")
    return name, file.queues.get(name, _Queue(durable=bool(name)))


def _bind(settings: Settings, bindings: tuple[_Binding, ...], where: str) -> Settings:
    exchanges = {binding.exchange for binding in bindings} or {settings.exchange}
    if len(exchanges) > 1:
        raise UsageError(
            f"the bindings name several exchanges ({', '.join(sorted(exchanges))[:200]})",
            where=where,
            hint="write a file for each, and give --amqp-config several times",
        )
    keys = tuple(dict.fromkeys(key for binding in bindings for key in binding.routing_keys))
    return replace(settings, exchange=exchanges.pop(), routing_keys=keys)


def _path(text: str | None, file: Path) -> Path | None:
    """Return a path of the file; fedora-messaging resolves relative ones by its own folder."""
    return None if not text else file.parent / text


def client_properties(settings: Settings, version: str) -> Mapping[str, Any]:
    """Return what the broker's administrators see of this client."""
    return {"app": "hubbub", "app_version": version} | dict(settings.client_properties)
