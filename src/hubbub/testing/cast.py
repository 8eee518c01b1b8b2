"""Who and what one simulated message is about, and the body that was made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Body", "Cast", "Json"]

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
