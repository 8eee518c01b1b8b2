"""The tree of errors that hubbub raises, with the exit code of a command that ends with one.

HubbubError (1)
├── UsageError (2)          an option, a name or a file that the user gave is wrong
├── NotAllowedError (2)     the request needs a scope that its sender does not have
├── MessageError            one message cannot be decoded; counted, kept as a dead letter, not fatal
├── SourceError (4)         a bus, a history service or a file cannot be reached or read
├── RemoteError (4)         another hubbub server cannot be reached, or did not answer as expected
├── EngineError (4)         another query engine cannot be reached, or failed
└── StoreError (5)          the store is damaged, or was written by a newer version
    ├── NoRoomError (4)     the disk is full; nothing is damaged
    └── NoMemoryError (4)   the memory is full; nothing is damaged
"""

from __future__ import annotations

__all__ = [
    "EngineError",
    "HubbubError",
    "MessageError",
    "NoMemoryError",
    "NoRoomError",
    "NotAllowedError",
    "RemoteError",
    "SourceError",
    "StoreError",
    "UsageError",
]


class HubbubError(Exception):
    """Base class; says what happened, where, and what to do next.

    Args:
        what: one sentence for the user.
        where: file:line, URL, topic or message id; empty if there is no such place.
        hint: what to do next; empty if there is nothing to do.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what, self.where, self.hint = what, where, hint

    def __str__(self) -> str:
        where = f"{self.where}: " if self.where else ""
        hint = f"\n  {self.hint}" if self.hint else ""
        return f"{where}{self.what}{hint}"


class UsageError(HubbubError):
    """An option, a name or a file that the user gave is wrong."""

    exit_code = 2


class NotAllowedError(HubbubError):
    """The request needs a scope that its sender does not have; `hint` says which."""

    exit_code = 2


class MessageError(HubbubError):
    """One message cannot be decoded; `reason` is the short name it is counted under."""

    def __init__(self, reason: str, what: str = "", *, where: str = "") -> None:
        super().__init__(what or reason, where=where)
        self.reason = reason


class SourceError(HubbubError):
    """A bus, a history service or a file cannot be reached or read."""

    exit_code = 4


class RemoteError(HubbubError):
    """Another hubbub server cannot be reached, or did not answer as expected.

    Args:
        what: one sentence for the user; names the function that was called.
        server: the URL of the server.
        function: the name of the query or view; empty if none was called.
        status: of the HTTP answer; None if there was no answer.
        hint: what to do next.
    """

    exit_code = 4

    def __init__(
        self,
        what: str,
        *,
        server: str,
        function: str = "",
        status: int | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(what, where=server, hint=hint)
        self.server, self.function, self.status = server, function, status

    def about(self, what: str) -> RemoteError:
        """Return the same failure with a sentence before it that says what could not be done."""
        return RemoteError(
            f"{what}: {self.what}",
            server=self.server,
            function=self.function,
            status=self.status,
            hint=self.hint,
        )


class EngineError(HubbubError):
    """A query engine other than the built-in one cannot be reached, or failed."""

    exit_code = 4


class StoreError(HubbubError):
    """The store is damaged, or was written by a newer version of hubbub."""

    exit_code = 5


class NoRoomError(StoreError):
    """The disk is full: the operation was not carried out, and the store is intact."""

    exit_code = 4  # a service manager restarts the service: space may be freed by other means


class NoMemoryError(StoreError):
    """The memory is full: the operation was not carried out, and the store is intact."""

    exit_code = 4
