"""Topics: prefix + environment + category + the rest.

`org.fedoraproject.prod.git.receive`, `io.pagure.dev.pagure.issue.edit`,
`org.centos.stage.ci.pipeline.complete`. Every known prefix has two parts, so the category is the
fourth part; the rest may hold names with dots in them (`git.receive.python3.8.main`).
"""

from __future__ import annotations

from functools import lru_cache

__all__ = ["action", "category", "rest", "spread"]

_CATEGORY = 3  # index of the category among the parts
_ENVIRONMENTS = frozenset(("dev", "stg", "stage", "prod"))


@lru_cache(maxsize=65_536)  # more topics than any bus has in a week
def category(topic: str) -> str:
    """The fourth part; a topic with fewer parts is its own category."""
    parts = topic.split(".", _CATEGORY + 1)
    return parts[_CATEGORY] if len(parts) > _CATEGORY else topic


@lru_cache(maxsize=65_536)
def rest(topic: str) -> str:
    """What rules are written for: the topic from its category on.

    A topic without one of the known environments in third place is taken whole, since some
    publishers send no prefix (`fedoracollege.content.added`).
    """
    parts = topic.split(".", _CATEGORY)
    if len(parts) > _CATEGORY and parts[2] in _ENVIRONMENTS:
        return parts[_CATEGORY]
    return topic


@lru_cache(maxsize=65_536)
def action(topic: str) -> str | None:
    """What was done, as the topic says it: all after the category (`update.comment`), else None."""
    parts = topic.split(".", _CATEGORY + 1)
    return parts[_CATEGORY + 1] or None if len(parts) > _CATEGORY + 1 else None


def spread(topic: str) -> str:
    """The name inside a topic of the form `category.verb.NAME.BRANCH`; empty if there is none.

    NAME may hold dots, BRANCH does not.
    """
    return ".".join(rest(topic).split(".")[2:-1])
