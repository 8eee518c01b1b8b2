"""Simulated messages, and the data that their bodies are made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

__all__ = ["Body", "Context", "Json", "SimMessage"]


class SimMessage(msgspec.Struct, frozen=True, gc=False):
    """A message of the simulated bus, with the users and objects that hubbub must extract."""

    id: str  # `<year>-<uuid4>`; empty if the message is broken
    at: int  # time of publication, µs since the epoch
    topic: str
    username: str  # system user of the publishing process
    i: int  # the publisher's counter; 0 if the message is broken
    msg: dict[str, Any]
    users: tuple[str, ...]  # the agent first
    objects: tuple[str, ...]
    broken: bytes | None = None  # the body of the frame if it is unreadable

    @property
    def time(self) -> int:
        """The envelope's timestamp, whole seconds since the epoch."""
        return self.at // 1_000_000

    @property
    def agent(self) -> str | None:
        """The user who acted, None for messages without users."""
        return self.users[0] if self.users else None


Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Context:
    """The data from which the body of a message is made.

    Attributes:
        topic: the full topic.
        users: all users named, the agent first; empty for noise.
        package: a package's name.
        other: another package's name.
        number: random, below 2^64.
        time: seconds since the epoch.
    """

    topic: str
    users: tuple[str, ...]
    package: str
    other: str
    number: int
    time: int

    @property
    def agent(self) -> str:
        """The user who acted."""
        return self.users[0]

    @property
    def release(self) -> str:
        """Version and release of a build."""
        n = self.number
        return f"{n % 9}.{n // 9 % 40}.{n // 360 % 12}-{1 + n // 4320 % 5}.fc{42 + n // 21600 % 4}"

    @property
    def nvr(self) -> str:
        """Name, version, release."""
        return f"{self.package}-{self.release}"

    @property
    def action(self) -> str:
        """The last part of the topic."""
        return self.topic.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Body:
    """A message body.

    Attributes:
        body: the body.
        container: the part of the body whose text is padded to the wanted size.
        key: the key of that text in `container`.
        objects: the objects named.
    """

    body: Json
    container: Json
    key: str
    objects: tuple[str, ...] = ()
