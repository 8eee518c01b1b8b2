"""Variations of the corpus: harmless changes keep the names, and damage adds none."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from hubbub.collector.people.extract import people
from tests.support import paths

CORPUS = paths.SHARED / "corpus"
pytestmark = pytest.mark.skipif(
    not CORPUS.exists(), reason="the corpus is not part of the repository"
)

#: Families whose publishers send a person as a text or as an object (identity.md).
BOTH_FORMS = (
    *("bodhi", "fas", "fedbadges", "pagure", "pkgdb", "nuancier", "kerneltest", "askbot", "git"),
    *("fedora_elections", "fedocal", "openqa"),
)


#: Id of the case, message, directory.
Case = tuple[str, dict[str, Any], Any]


def families() -> list[Any]:
    """The messages of the corpus by family; the rules apply, since modern ones have no headers."""
    cases: defaultdict[str, list[Case]] = defaultdict(list)
    for name in ("legacy.jsonl", "modern.jsonl"):
        rows = (CORPUS / name).read_text().splitlines() if CORPUS.exists() else []
        for case in map(json.loads, rows):
            message = {**case.get("msg", {}), "topic": case["topic"]}
            if name == "modern.jsonl":
                message = {"topic": case["topic"], "headers": {}, "body": case["body"]}
            family = ".".join(message["topic"].split(".")[3:4])
            cases[family].append((case["case"], message, case.get("directory")))
    return [pytest.param(of_family, id=family) for family, of_family in cases.items()]


def body(message: dict[str, Any]) -> Any:
    return message["body"] if "body" in message else message.get("msg")


def with_body(message: dict[str, Any], new: Any) -> dict[str, Any]:
    return {**message, ("body" if "body" in message else "msg"): new}


def value_paths(tree: Any, root: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value below the root, up to four levels deep."""
    items: Iterable[tuple[Any, Any]] = tree.items() if isinstance(tree, dict) else ()
    items = enumerate(tree[:3]) if isinstance(tree, list) else items
    for key, value in items:
        yield (*root, key)
        if len(root) < 3:
            yield from value_paths(value, (*root, key))


def replace(tree: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Return the tree with another value at a path; `...` removes the key."""
    key, *rest = path
    if isinstance(tree, list):
        removed = value is ... and not rest
        new = [] if removed else [replace(tree[key], tuple(rest), value) if rest else value]
        return [*tree[:key], *new, *tree[key + 1 :]]
    if not rest and value is ...:
        return {name: child for name, child in tree.items() if name != key}
    return {**tree, key: replace(tree[key], tuple(rest), value) if rest else value}


@pytest.mark.parametrize("cases", families())
def test_the_environment_does_not_matter(cases):
    """Staging is `stg` on one bus and `stage` on another."""
    for case, message, directory in cases:
        before = people(message, directory=directory)
        parts = message["topic"].split(".")
        environments = ("dev", "stg", "stage", "prod")
        if len(parts) > 3 and parts[2] in environments:
            for environment in environments:
                topic = ".".join((*parts[:2], environment, *parts[3:]))
                assert people({**message, "topic": topic}, directory=directory) == before, case


@pytest.mark.parametrize("cases", families())
def test_unknown_keys_do_not_matter(cases):
    for case, message, directory in cases:
        if isinstance(body(message), dict):
            extended = {**body(message), "zzz": {"agent": "nobody", "name": "nobody"}, "": None}
            before = people(message, directory=directory)
            assert people(with_body(message, extended), directory=directory) == before, case


@pytest.mark.parametrize("cases", families())
def test_damaged_values_never_add_names(cases):
    """One value at a time is removed, or replaced with null, a number, a list, an object, …"""
    for case in cases:
        check_damaged_values(*case)


def check_damaged_values(case: str, message: dict[str, Any], directory: Any) -> None:
    text = json.dumps([message, directory], ensure_ascii=False).lower()
    for path in value_paths(body(message)):
        values: list[Any] = [..., None, 7, [], {}, [None], {"x": []}, [["y"]], "", True]
        for value in values:
            changed = with_body(message, replace(body(message), path, value))
            names = people(changed, directory=directory)
            for name in (*names.users, *names.objects):
                assert name.lower() in text or name in {"anitya", "kernel", "x", "y"}, (case, path)


@pytest.mark.parametrize("cases", families())
def test_a_person_may_be_a_text_or_an_object(cases):
    for case in cases:
        check_both_forms(*case)


def check_both_forms(case: str, message: dict[str, Any], directory: Any) -> None:
    family = message["topic"].split(".")[3:4]
    if "body" in message or not family or family[0] not in BOTH_FORMS:
        return
    before = people(message, directory=directory)
    tree = body(message)
    for path in value_paths(tree):
        if path[-1] not in {"agent", "user", "submitter", "author"}:
            continue
        value = tree
        for key in path:
            value = value[key]
        if isinstance(value, str):
            value = {"name": value, "openid": f"{value}.id.example.org", "id": 3}
        elif isinstance(value, dict) and isinstance(value.get("username", value.get("name")), str):
            value = value.get("username", value.get("name"))
        else:
            continue
        assert (
            people(with_body(message, replace(tree, path, value)), directory=directory) == before
        ), (case, path)
