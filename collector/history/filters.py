"""Filters of requests to a history, and the key under which coverage is recorded for them."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

__all__ = ["EVERYTHING", "Filters"]


@dataclass(frozen=True, slots=True)
class Filters:
    """Exact names; a message matches any value of a kind, and all kinds that have values."""

    categories: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    users: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The canonical text under which the ledger records coverage; empty for no filters."""
        return urlencode(sorted(set(self.parameters())))

    def parameters(self) -> list[tuple[str, str]]:
        """Return the query parameters of a request."""
        kinds = (("category", self.categories), ("topic", self.topics), ("user", self.users))
        return [(kind, value) for kind, values in kinds for value in values]


EVERYTHING = Filters()
