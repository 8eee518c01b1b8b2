"""Every message of the corpus: users, packages and agents as the bus's own software gives them.

The corpus stands beside the repository, not in it; without it these tests are skipped.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from hubbub.collector.names import normalise
from hubbub.collector.people.extract import has_rule, people, people_lines
from tests.support import paths

CORPUS = paths.SHARED / "corpus"
pytestmark = pytest.mark.skipif(not CORPUS.exists(), reason="no corpus beside the repository")


def corpus(name: str) -> list[dict[str, Any]]:
    path = CORPUS / name
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def cases(name: str) -> list[Any]:
    return [pytest.param(case, id=case["case"]) for case in corpus(name)]


def expected(case: dict[str, Any], field: str) -> Any:
    """The stated value, else what the project's software returned."""
    return case[field] if field in case["stated"] else case.get(f"peer_{field}")


def accounts(names: list[Any] | None) -> list[str]:
    """Names without null, the text None, and groups, which hubbub drops everywhere."""
    return sorted({found for name in names or () if (found := normalise(name)) is not None})


@pytest.mark.parametrize("case", cases("legacy.jsonl"))
def test_old_bodies(case):
    envelope = {"topic": case["topic"], **case["msg"]}
    found = people(envelope, directory=case["directory"])
    if (users := expected(case, "usernames")) is not None:
        assert list(found.users) == accounts(users)
    if (packages := expected(case, "packages")) is not None:
        assert list(found.objects) == sorted(packages)
    if case["peer_agent_rule"] != "arbitrary-of-several" and "usernames" not in case["disagree"]:
        assert found.agent == expected(case, "agent")
    assert found.agent is None or found.agent in found.users
    without = people(envelope).users
    if "peer_usernames_without_directory" in case:
        assert list(without) == accounts(case["peer_usernames_without_directory"])


def agent_of(case: dict[str, Any]) -> str | None:
    """The class' answer; anitya's are OpenIDs: the account is the first part of the host."""
    name = case["agent_name"]
    if name is not None and name.startswith("http"):
        name = name.partition("://")[2].partition(".")[0]
    return normalise(name)


def ways() -> list[Any]:
    """Every new message with its headers, with no names in them, and without any.

    Without headers, nothing tells messages of no topic, or one `git.receive` from the other.
    """
    for_all = [
        (case, way) for case in corpus("modern.jsonl") for way in ("sent", "nameless", "bare")
    ]
    return [
        pytest.param(case, way, id=f"{case['case']}-{way}")
        for case, way in for_all
        if way != "bare" or (case["topic"] and case["schema"] != "git.receive")
    ]


@pytest.mark.parametrize(("case", "way"), ways())
def test_new_bodies(case, way):
    """The headers answer; where a publisher sends none, the body gives the same."""
    headers = case["headers"]
    if way == "nameless":
        names = ("fedora_messaging_user_", "fedora_messaging_rpm_")
        headers = {key: value for key, value in headers.items() if not key.startswith(names)}
    elif way == "bare":
        headers = {}
    message = {"topic": case["topic"], "headers": headers, "body": case["body"]}
    found = people(message)
    assert list(found.users) == accounts(case["usernames"])
    assert list(found.objects) == sorted(set(case["packages"] or ()))
    if agent_of(case) is not None:
        assert found.agent == agent_of(case)


def test_all_topics_have_a_rule():
    known = [(case["topic"], "") for case in corpus("legacy.jsonl")]
    known += [(case["topic"], case["schema"]) for case in corpus("modern.jsonl")]
    unknown = {pair for pair in known if not has_rule(*pair)}
    assert unknown == {("org.fedoraproject.stg.unhandled_service.some_event", "")}


def test_one_line_out_per_line_in():
    legacy = [json.dumps(case["msg"]).encode() for case in corpus("legacy.jsonl")]
    answers = list(people_lines(legacy))
    assert len(answers) == len(legacy)
    for case, answer in zip(corpus("legacy.jsonl"), answers, strict=True):
        if "error" not in answer:
            assert answer["topic"] == case["topic"]
            assert answer["id"] == case["msg"].get("msg_id")
    assert [a["error"].split(":")[0] for a in answers if "error" in a] == ["no-body"]
