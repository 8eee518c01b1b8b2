"""Which messages a history is asked for, and the text under which coverage remembers it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

__all__ = ["EVERYTHING", "Filters"]


@dataclass(frozen=True, slots=True)
class Filters:
    """Which messages: values of one kind are alternatives, kinds narrow each other; exact names."""

    categories: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    users: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The canonical text that coverage is kept under; empty for every message."""
        return urlencode(sorted(set(self.parameters())))

    def parameters(self) -> list[tuple[str, str]]:
        """As the service wants them."""
        kinds = (("category", self.categories), ("topic", self.topics), ("user", self.users))
        return [(kind, value) for kind, values in kinds for value in values]


EVERYTHING = Filters()
