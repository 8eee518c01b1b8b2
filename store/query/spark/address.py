"""Where an engine behind Spark Connect is, and which files it can read.

The address is a URL, `sc://HOST:PORT/;token=…;use_ssl=true`, whose parameters may be secret: only
host and port are ever shown.
"""

from __future__ import annotations

import os
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
        shown = url.partition("/;")[0][:200]
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise UsageError(
                f"this is not the address of an engine: {error}", where=shown
            ) from None
        if parts.scheme != SCHEME or not host:
            raise UsageError(
                "this is not the address of an engine",
                where=shown,
                hint="write sc://HOST:PORT (Spark Connect), or duckdb for the built-in engine",
            )
        parameters = parts.path.removeprefix("/").strip(";")
        if parts.query or parts.username or (parameters and not parts.path.startswith("/;")):
            raise UsageError(
                "parameters of an engine are written after /;",
                where=shown.partition("@")[2] or shown.partition("?")[0],
                hint="for example sc://HOST:PORT/;use_ssl=true;token=…",
            )
        return cls(url, host, port or _PORT, shared)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{SCHEME}://{host}:{self.port}"

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
        except socket.gaierror:
            what, hint = "there is no such host", "check the address after --engine or [engine] url"
        except TimeoutError:
            what, hint = f"no answer within {_REACHABLE:g} s", "is it running, and not firewalled?"
        except OSError as error:
            what = f"cannot connect: {(error.strerror or str(error)).lower()}"
            hint = "start the engine (docs/engines.md says how), or leave --engine out"
        raise EngineError(what, where=str(self), hint=hint)

    @cached_property
    def is_here(self) -> bool:
        """Whether the host is this machine: a socket can be bound to its address."""
        try:
            found = socket.getaddrinfo(self.host, None, type=socket.SOCK_STREAM)
        except OSError:
            return False
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
            uri: a local path, or the URL of an object.

        Raises:
            UsageError: the engine cannot see it.
        """
        if "://" in uri:  # of a mirror; Databricks and Sail know Hadoop's name of S3, too
            return f"s3a://{uri.partition('://')[2]}"
        if not (self.shared or self.is_here):
            raise UsageError(
                f"the engine at {self} is another machine, which cannot read this store's files",
                where=uri,
                hint="mirror the store to where both can read, with `hubbub mirror`, and give the "
                "mirror's URL with --store (docs/engines.md)",
            )
        path = str(Path(uri).absolute())
        if _SPECIAL & set(path):
            raise UsageError(
                "engines take these characters in a path for a pattern: "
                + " ".join(sorted(_SPECIAL & set(path))),
                where=path,
                hint="move the store to a folder with a plain name",
            )
        return f"file://{path}"
