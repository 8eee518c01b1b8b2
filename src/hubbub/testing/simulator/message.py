"""One simulated message: its time, topic, user, object and body."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

__all__ = ["Body", "Cast", "Json", "SimMessage"]


class SimMessage(msgspec.Struct, frozen=True, gc=False):
    """One message of the simulated bus, with what is true about it."""

    id: str  # `<year>-<uuid4>`; empty where the message is broken
    at: int  # µs since the epoch: when it is published
    topic: str
    username: str  # the publishing process
    i: int  # its counter; 0 where the message is broken
    msg: dict[str, Any]
    users: tuple[str, ...]  # whoever acts stands first
    objects: tuple[str, ...]
    broken: bytes | None = None  # the frame's body, where it cannot be read

    @property
    def time(self) -> int:
        """Whole seconds since the epoch: what the envelope says."""
        return self.at // 1_000_000

    @property
    def agent(self) -> str | None:
        """Who acts, None where nobody does."""
        return self.users[0] if self.users else None


Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cast:
    """Who and what a message is about.

    Attributes:
        topic: the full topic.
        users: everybody it names, the one who acts first; empty for noise.
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
        """Who acts."""
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
    """A body, where its text may grow, and the objects that it names."""

    body: Json
    place: Json
    key: str
    objects: tuple[str, ...] = ()
