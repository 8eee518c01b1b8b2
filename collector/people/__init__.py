"""Extract agents, users and objects from messages: rules, paths into bodies, transforms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubbub.lazy import lazy_names

if TYPE_CHECKING:
    from hubbub.collector.people.extract import has_rule as has_rule
    from hubbub.collector.people.extract import people as people
    from hubbub.collector.people.extract import understand as understand
    from hubbub.collector.people.lines import people_lines as people_lines

__all__ = ["has_rule", "people", "people_lines", "understand"]

__getattr__ = lazy_names(
    __name__,
    {
        "has_rule": "hubbub.collector.people.extract",
        "people": "hubbub.collector.people.extract",
        "people_lines": "hubbub.collector.people.lines",
        "understand": "hubbub.collector.people.extract",
    },
)
