"""The other servers of a configuration: `[servers]`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from hubbub.calls.hops import OWN_ID
from hubbub.calls.remote import RemoteServer
from hubbub.calls.transport import Transport
from hubbub.config import PeerConfig
from hubbub.errors import UsageError
from hubbub.times import parse_duration

__all__ = ["configured_servers"]

_MAX_TOKEN = 4_096  # bytes of a file


def configured_servers(servers: Mapping[str, str | PeerConfig]) -> tuple[RemoteServer, ...]:
    """Return the servers of a configuration, in its order; the same ones for the same section.

    Args:
        servers: by name an address, or a section.

    Raises:
        UsageError: an address, a time limit or the file of a token is wrong.
    """
    sections = [
        (name, PeerConfig(server) if isinstance(server, str) else server)
        for name, server in servers.items()
    ]
    return _servers(tuple(sections))


@lru_cache(maxsize=16)  # they keep connections, and what they learned of each server
def _servers(sections: tuple[tuple[str, PeerConfig], ...]) -> tuple[RemoteServer, ...]:
    return tuple(_server(name, section) for name, section in sections)


def _server(name: str, section: PeerConfig) -> RemoteServer:
    where = f"[servers] {name}"
    try:
        timeout = parse_duration(section.timeout).total_seconds()
    except ValueError as error:
        raise UsageError(f"timeout: {error}", where=where, hint='write "20s"') from None
    token = None if section.token_file is None else _token(Path(section.token_file), where)
    try:
        transport = Transport(section.url, token=token, timeout=timeout)
    except UsageError as error:
        raise UsageError(error.what, where=where, hint=error.hint) from None
    return RemoteServer(transport, own=OWN_ID, name=name)


def _token(path: Path, where: str) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_TOKEN).decode("ascii").strip()
    except OSError as error:
        raise UsageError(
            f"the file of the token cannot be read: {path}: {error.strerror}", where=where
        ) from None
    except UnicodeDecodeError:
        raise UsageError(f"the file of the token holds none: {path}", where=where) from None
