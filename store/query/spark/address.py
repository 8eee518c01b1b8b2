"""Where an engine behind Spark Connect is, and which files it can read.

The address is a URL, `sc://HOST:PORT/;token=…;use_ssl=true`, whose parameters may be secret: only
host and port are ever shown.
"""

from __future__ import annotations

import os
import re
import socket
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from hubbub.errors import EngineError, UsageError

__all__ = ["SCHEME", "Address"]

SCHEME = "sc"
_PORT = 15002  # of Spark Connect
_REACHABLE = 5.0  # s to connect
#: Variables that make gRPC connect through a proxy: then only gRPC can say what is reachable.
_PROXIES = ("grpc_proxy", "https_proxy", "http_proxy")
_SECRET = re.compile(r"(?<=[^/])/[^/].*|[^/]*@|\?.*", re.DOTALL)  # of a URL: path, user, query
_PARAMETERS = re.compile(r"/?|/(?:;[^;=]+=[^;]*)+;?")
_SPECIAL = frozenset("*?[]{}%\\")  # engines read paths as patterns of names


@dataclass(frozen=True)
class Address:
    """The address of an engine.

    Args:
        url: with its parameters, of which a token is one; never shown.
        host: name or IP address.
        port: of gRPC.
        shared: whether local paths are those of a mount that other machines have, too.
    """

    url: str = field(repr=False)
    host: str
    port: int
    shared: bool = False

    @classmethod
    def parse(cls, url: str, *, shared: bool = False) -> Address:
        """Read a URL; see `Address` for `shared`.

        Raises:
            UsageError: it is none of Spark Connect.
        """
        shown = _SECRET.sub("", url)[:200]
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise UsageError(f"this is no address of an engine: {error}", where=shown) from None
        if parts.scheme != SCHEME or not host:
            raise UsageError(
                "this is not the address of an engine",
                where=shown,
                hint="write sc://HOST:PORT (Spark Connect), or duckdb for the built-in engine",
            )
        if ":" in host:
            raise UsageError(
                "the client of Spark takes no IPv6 address", where=shown, hint="give a host's name"
            )
        if parts.query or parts.username or not _PARAMETERS.fullmatch(parts.path):
            raise UsageError(
                "parameters of an engine are written as NAME=VALUE after /;",
                where=shown,
                hint="for example sc://HOST:PORT/;use_ssl=true;token=…",
            )
        return cls(url, host, port or _PORT, shared)

    def __str__(self) -> str:
        return f"{SCHEME}://{self.host}:{self.port}"

    def require_files(self) -> None:
        """Refuse an engine that cannot see the files of this machine, if it has to.

        Raises:
            UsageError: it is another machine.
            EngineError: there is no such host.
        """
        if not (self.shared or self.is_here):
            raise UsageError(
                "this engine is another machine, which cannot read a store in a folder of this one",
                where=str(self),
                hint="mirror the store to where both can read, with `hubbub mirror`, and give the "
                "mirror's URL with --store (docs/engines.md)",
            )

    def require_listener(self) -> None:
        """Connect once, to say what is wrong sooner and better than gRPC does.

        Raises:
            EngineError: there is no such host, or nothing answers.
        """
        if any(os.environ.get(name) or os.environ.get(name.upper()) for name in _PROXIES):
            return
        try:
            with socket.create_connection((self.host, self.port), _REACHABLE):
                return
        except TimeoutError:
            what, hint = f"no answer within {_REACHABLE:g} s", "is it running, and not firewalled?"
        except OSError as error:
            what = f"cannot connect: {(error.strerror or str(error)).lower()}"
            hint = "start the engine (docs/engines.md says how), or leave --engine out"
        raise EngineError(what, where=str(self), hint=hint)

    @cached_property
    def is_here(self) -> bool:
        """Whether the host is this machine: a socket can be bound to its address.

        Raises:
            EngineError: there is no such host.
        """
        try:
            found = socket.getaddrinfo(self.host, None, type=socket.SOCK_STREAM)
        except OSError:
            raise EngineError(
                "there is no such host",
                where=str(self),
                hint="check the address after --engine or [engine] url",
            ) from None
        for family, kind, _protocol, _name, address in found:
            try:
                with socket.socket(family, kind) as probe:
                    probe.bind((address[0], 0, *address[2:]))
                    return True
            except OSError:
                continue
        return False

    def location(self, uri: str) -> str:
        """Return the URL by which the engine reads a file of the store.

        Args:
            uri: a local path, or the URL of an object of a mirror.

        Raises:
            UsageError: the engine would read another file.
        """
        if "://" in uri:  # Databricks and Sail know Hadoop's name of S3, too
            return f"s3a://{uri.partition('://')[2]}"
        path = str(Path(uri).absolute())
        if special := _SPECIAL & set(path):
            raise UsageError(
                f"engines take {' '.join(sorted(special))} in a path for a pattern",
                where=path,
                hint="move the store to a folder with a plain name",
            )
        return f"file://{path}"
