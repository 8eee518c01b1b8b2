"""Parse topics: prefix, environment, category and the rest.

Examples: `org.fedoraproject.prod.git.receive`, `io.pagure.dev.pagure.issue.edit`,
`org.centos.stage.ci.pipeline.complete`. Every known prefix has two parts, so the category is the
fourth part. The rest may contain names with dots (`git.receive.python3.8.main`).
"""

from __future__ import annotations

from functools import lru_cache

__all__ = ["action", "category", "name_in_topic", "without_prefix"]

_CATEGORY = 3  # index of the category among the parts
#: Topics of each cache. Strangers choose them, up to 1,000 characters: together at most 50 MB.
_CACHE_SIZE = 4_096
_ENVIRONMENTS = frozenset(("dev", "stg", "stage", "prod"))


@lru_cache(maxsize=_CACHE_SIZE)
def category(topic: str) -> str:
    """Return the fourth part; a topic with fewer parts is its own category."""
    parts = topic.split(".", _CATEGORY + 1)
    return parts[_CATEGORY] if len(parts) > _CATEGORY else topic


@lru_cache(maxsize=_CACHE_SIZE)
def without_prefix(topic: str) -> str:
    """Return the topic from its category on; rules match against this.

    A topic whose third part is not a known environment is returned unchanged, since some
    publishers send no prefix (`fedoracollege.content.added`).
    """
    parts = topic.split(".", _CATEGORY)
    if len(parts) > _CATEGORY and parts[2] in _ENVIRONMENTS:
        return parts[_CATEGORY]
    return topic


@lru_cache(maxsize=_CACHE_SIZE)
def action(topic: str) -> str | None:
    """Return the part after the category (`update.comment`), or None."""
    parts = topic.split(".", _CATEGORY + 1)
    return parts[_CATEGORY + 1] or None if len(parts) > _CATEGORY + 1 else None


def name_in_topic(topic: str) -> str:
    """Return NAME of a topic `category.verb.NAME.BRANCH`, or an empty text.

    NAME may contain dots, BRANCH may not.
    """
    return ".".join(without_prefix(topic).split(".")[2:-1])
