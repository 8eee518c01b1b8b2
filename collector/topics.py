"""Parse topics: prefix, environment, category and the rest.

Examples: `org.fedoraproject.prod.git.receive`, `io.pagure.dev.pagure.issue.edit`,
`org.centos.stage.ci.pipeline.complete`. The prefix has two parts, so the category is the fourth
part. The rest may contain names with dots (`git.receive.python3.8.main`).

openSUSE's topics are SCOPE.APPLICATION.OBJECT.ACTION, without an environment:
`opensuse.obs.package.build_success`. One application, the build service, publishes nearly all of
them, so the category is the application with the kind of object: `obs.package`, `obs.request`. The
topics of its forge name the owner of the repository instead, `opensuse.src.OWNER.push`; there the
category is `src`, as that of other forges is `github` or `forgejo`.
"""

from __future__ import annotations

from functools import lru_cache

__all__ = [
    "ALERTS",
    "action",
    "category",
    "name_in_topic",
    "names_owner",
    "split_topic",
    "structure",
    "without_prefix",
]

#: Topics of the events that alerts are, followed by `raised` or `ended`: no alert measures them.
ALERTS = "hubbub.alert."
_CATEGORY = 3  # index of the category among the parts
#: Topics of each cache. Strangers choose them, up to 1,000 characters: together at most 50 MB.
_CACHE_SIZE = 4_096
_ENVIRONMENTS = frozenset(("dev", "stg", "stage", "prod"))
_SCOPES = frozenset(("opensuse", "suse"))  # openSUSE's public bus, and SUSE's own
_FORGE = "src"  # the application whose topics name the owner of a repository


@lru_cache(maxsize=_CACHE_SIZE)
def split_topic(topic: str) -> tuple[str, str | None]:
    """Return the category and what follows it; None if nothing does.

    A topic with too few parts is its own category.
    """
    scope, _, tail = topic.partition(".")
    if tail and scope in _SCOPES:
        words = 1 if names_owner(topic) else 2
        parts = tail.split(".", words)
        return ".".join(parts[:words]), parts[words] if len(parts) > words else None
    parts = topic.split(".", _CATEGORY + 1)
    if len(parts) <= _CATEGORY:
        return topic, None
    return parts[_CATEGORY], parts[_CATEGORY + 1] if len(parts) > _CATEGORY + 1 else None


def category(topic: str) -> str:
    """Return the part that names the service; a topic with too few parts is its own category."""
    return split_topic(topic)[0]


def action(topic: str) -> str | None:
    """Return the part after the category (`update.comment`), or None."""
    return split_topic(topic)[1] or None


@lru_cache(maxsize=_CACHE_SIZE)
def without_prefix(topic: str) -> str:
    """Return the topic from its category on; rules match against this.

    A topic whose third part is not a known environment is returned unchanged, since some
    publishers send no prefix (`fedoracollege.content.added`). Of openSUSE's topics the scope is
    removed.
    """
    scope, _, tail = topic.partition(".")
    if tail and scope in _SCOPES:
        return tail
    parts = topic.split(".", _CATEGORY)
    if len(parts) > _CATEGORY and parts[2] in _ENVIRONMENTS:
        return parts[_CATEGORY]
    return topic


def names_owner(topic: str) -> bool:
    """Whether the owner of a repository follows the category: `opensuse.src.OWNER.push`."""
    scope, _, tail = topic.partition(".")
    return scope in _SCOPES and tail.partition(".")[0] == _FORGE


def structure(topic: str) -> str:
    """Return the start of a topic that holds no name: prefix, environment, category and verb."""
    if topic.partition(".")[0] in _SCOPES:
        words = topic.split(".")
        return ".".join(words[: 2 if names_owner(topic) else 4])
    tail = without_prefix(topic)
    return topic[: len(topic) - len(tail)] + ".".join(tail.split(".")[:2])


def name_in_topic(topic: str) -> str:
    """Return NAME of a topic `category.verb.NAME.BRANCH`, or an empty text.

    NAME may contain dots, BRANCH may not.
    """
    return ".".join(without_prefix(topic).split(".")[2:-1])
