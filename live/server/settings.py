"""The settings of a server, from `[serve]` of the configuration and the command line."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec

from hubbub.config import Config
from hubbub.errors import UsageError
from hubbub.sizes import parse_size
from hubbub.times import parse_duration

__all__ = ["ServeSettings", "is_loopback", "serve_settings"]

_ORIGIN = re.compile(r"https?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")
_ROOT_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)*")


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """How a server answers; the keys of `[serve]`."""

    host: str = "127.0.0.1"
    port: int = 8717
    auth: Literal["tokens", "none"] = "tokens"
    anonymous: Literal["read", "people", "none"] = "read"
    hosts: tuple[str, ...] = ()
    timeout: float = 30.0  # s
    jobs: int = 2
    style: Path | None = None
    permanent_size: int = 1 << 30  # bytes of the answers behind permanent links
    frame_ancestors: tuple[str, ...] = ()
    cors: tuple[str, ...] = ()
    root_path: str = ""  # without a slash at its end
    trusted_proxies: tuple[str, ...] = ()
    wrappers: Mapping[str, str] = field(default_factory=dict)  # module:function by pattern


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def serve_settings(config: Config, **options: Any) -> ServeSettings:
    """Return the settings; options that are None do not count.

    Raises:
        UsageError: a value makes no sense, or everything would be open to other machines.
    """
    given = {name: value for name, value in options.items() if value is not None}
    section = msgspec.structs.replace(config.serve, **given)
    try:
        timeout = parse_duration(section.timeout).total_seconds()
    except ValueError as error:
        raise UsageError(f"serve.timeout: {error}", hint='write "30s"') from None
    if timeout <= 0:
        raise UsageError("serve.timeout must be longer than nothing", hint='write "30s"')
    if section.jobs < 1:
        raise UsageError("serve.jobs must be at least 1")
    if section.auth == "none" and not is_loopback(section.host):
        raise UsageError(
            f"without authentication, {section.host} would be open to other machines",
            where="--auth none",
            hint="serve 127.0.0.1, or make tokens: hubbub tokens add NAME --scope read",
        )
    return ServeSettings(
        host=section.host,
        port=section.port,
        auth=section.auth,
        anonymous=section.anonymous,
        hosts=section.hosts,
        timeout=timeout,
        jobs=section.jobs,
        style=None if section.style is None else Path(section.style),
        permanent_size=parse_size(section.permanent_size, "serve.permanent_size"),
        frame_ancestors=_origins("frame_ancestors", section.frame_ancestors),
        cors=_origins("cors", section.cors),
        root_path=_root_path(section.root_path),
        trusted_proxies=tuple(map(_network, section.trusted_proxies)),
        wrappers=section.wrappers,
    )


def _origins(key: str, values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if value != "*" and not _ORIGIN.fullmatch(value):
            raise UsageError(
                f"serve.{key}: {value!r} is no origin", hint='write "https://example.org"'
            )
    return values


def _root_path(text: str) -> str:
    path = text.rstrip("/")
    if not _ROOT_PATH.fullmatch(path):
        raise UsageError(f"serve.root_path: {text!r} is no path", hint='write "/hubbub"')
    return path


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        raise UsageError(
            f"serve.trusted_proxies: {error}", hint='write "10.0.0.5" or "10.0.0.0/24"'
        ) from None
