"""Users, packages and agents of every message of the corpus, compared with the bus's own software.

The corpus is not part of the repository; without it these tests are skipped.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from hubbub.collector.names import normalise
from hubbub.collector.people.extract import has_rule, people
from hubbub.collector.people.lines import people_lines
from tests.support import paths

CORPUS = paths.SHARED / "corpus"
pytestmark = pytest.mark.skipif(
    not CORPUS.exists(), reason="the corpus is not part of the repository"
)


def corpus(name: str) -> list[dict[str, Any]]:
    path = CORPUS / name
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def cases(name: str) -> list[Any]:
    return [pytest.param(case, id=case["case"]) for case in corpus(name)]


def expected(case: dict[str, Any], field: str) -> Any:
    """The stated value, or else the one returned by the project's software."""
    return case[field] if field in case["stated"] else case.get(f"peer_{field}")


def accounts(names: list[Any] | None) -> list[str]:
    """Names without null, the text "None" and groups, which hubbub drops everywhere."""
    return sorted({name for raw in names or () if (name := normalise(raw)) is not None})


@pytest.mark.parametrize("case", cases("legacy.jsonl"))
def test_legacy_bodies(case):
    envelope = {"topic": case["topic"], **case["msg"]}
    names = people(envelope, directory=case["directory"])
    if (users := expected(case, "usernames")) is not None:
        assert list(names.users) == accounts(users)
    if (packages := expected(case, "packages")) is not None:
        assert list(names.objects) == sorted(packages)
    if case["peer_agent_rule"] != "arbitrary-of-several" and "usernames" not in case["disagree"]:
        assert names.agent == expected(case, "agent")
    assert names.agent is None or names.agent in names.users
    users_without_directory = people(envelope).users
    if "peer_usernames_without_directory" in case:
        assert list(users_without_directory) == accounts(case["peer_usernames_without_directory"])


def agent_of(case: dict[str, Any]) -> str | None:
    """The agent by the schema class; anitya gives OpenIDs, whose first host part is the account."""
    name = case["agent_name"]
    if name is not None and name.startswith("http"):
        name = name.partition("://")[2].partition(".")[0]
    return normalise(name)


def header_variants(case: dict[str, Any]) -> dict[str, dict[str, str]]:
    """The headers of a modern message as sent, without names in them, and none.

    Without headers, a message without a topic has no rule, and the two kinds of `git.receive`
    cannot be distinguished.
    """
    prefixes = ("fedora_messaging_user_", "fedora_messaging_rpm_")
    sent = case["headers"]
    nameless = {key: value for key, value in sent.items() if not key.startswith(prefixes)}
    variants = {"sent": sent, "nameless": nameless}
    if case["topic"] and case["schema"] != "git.receive":
        variants["bare"] = {}
    return variants


def repositories(case: dict[str, Any]) -> set[str]:
    """The full names of the repositories that a message of a forge is about.

    In pagure's namespace `rpms` it is the name of the package.
    """
    body = case["body"]
    if case["schema"].startswith("webhook_to_fedora_messaging."):
        hook = body["body"]
        repository = hook.get("repository") or hook.get("run", {}).get("repository") or {}
        project = hook.get("project") or {}
        name = project.get("path_with_namespace") or repository.get("full_name")
        return {name} if name else set()
    if not case["schema"].startswith("pagure."):
        return set()
    request, issue = body.get("pullrequest", {}), body.get("issue", {})
    stated = [body.get("repo"), body.get("project"), request.get("project"), issue.get("project")]
    return {
        each["name"] if each.get("namespace") == "rpms" else each["fullname"]
        for each in stated
        if each
    }


@pytest.mark.parametrize("case", cases("modern.jsonl"))
def test_modern_bodies(case):
    """Headers and body give the same names."""
    objects = sorted({*(case["packages"] or ()), *repositories(case)})
    for variant, headers in header_variants(case).items():
        names = people({"topic": case["topic"], "headers": headers, "body": case["body"]})
        assert list(names.users) == accounts(case["usernames"]), variant
        assert list(names.objects) == objects, variant
        if agent_of(case) is not None:
            assert names.agent == agent_of(case), variant


def test_all_topics_have_a_rule():
    pairs = [(case["topic"], "") for case in corpus("legacy.jsonl")]
    pairs += [(case["topic"], case["schema"]) for case in corpus("modern.jsonl")]
    unmapped = {pair for pair in pairs if not has_rule(*pair)}
    assert unmapped == {("org.fedoraproject.stg.unhandled_service.some_event", "")}


def test_one_result_for_each_line():
    legacy = [json.dumps(case["msg"]).encode() for case in corpus("legacy.jsonl")]
    results = list(people_lines(legacy))
    assert len(results) == len(legacy)
    for case, result in zip(corpus("legacy.jsonl"), results, strict=True):
        if "error" not in result:
            assert result["topic"] == case["topic"]
            assert result["id"] == case["msg"].get("msg_id")
    assert [result["error"].split(":")[0] for result in results if "error" in result] == ["no-body"]
