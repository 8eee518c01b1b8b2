"""The client of GitHub's list of deliveries."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubbub.collector.hooks import github as module
from hubbub.collector.hooks.github import DeliveryLog, Listed, RateLimitedError
from hubbub.collector.hooks.settings import GitHubHook
from hubbub.errors import SourceError, UsageError
from tests.support.forges.fake_github import FakeGitHub, Kept

NOW = 1_796_000_000


def test_pages(github: FakeGitHub, where: GitHubHook):
    github.page = 3
    github.add(*(Kept(f"g{n}", NOW + n, 200 if n % 2 else 502) for n in range(10)))
    listed = list(DeliveryLog(where).since((NOW + 2) * 1_000_000))
    assert [delivery.guid for delivery in listed] == [f"g{n}" for n in range(9, 1, -1)]
    assert [delivery.taken for delivery in listed[:2]] == [True, False]
    assert listed[0].time == (NOW + 9) * 1_000_000
    assert len(github.asked) == 3  # the page that begins before is the last


def test_payloads(github: FakeGitHub, where: GitHubHook):
    github.add(Kept("a", NOW, payload={"n": "ü"}), Kept("b", NOW, payload=None))
    log = DeliveryLog(where)
    second, first = log.since(0)
    assert log.payload(first) == b'{"n": "\\u00fc"}'
    assert log.payload(second) is None
    assert log.payload(Listed(99, "c", "", "push")) is None


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(NOW + 90)}, 90),
        (429, {"retry-after": "7", "x-ratelimit-remaining": "0"}, 7),
        (403, {"retry-after": "7"}, 7),
        (429, {}, 60),
        (403, {"x-ratelimit-remaining": "0"}, 60),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(NOW - 90)}, 1),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(NOW * 10)}, 3600),
        (429, {"retry-after": "soon"}, 60),
    ],
)
def test_limits(github: FakeGitHub, where: GitHubHook, status, headers, seconds):
    github.instead.append((status, headers, b"{}"))
    with pytest.raises(RateLimitedError) as error:
        list(DeliveryLog(where, clock=lambda: NOW).since(0))
    assert error.value.seconds == seconds


@pytest.mark.parametrize(
    ("status", "body", "what"),
    [
        (401, b"", "answers 401"),
        (403, b"", "answers 403"),
        (404, b"", "answers 404"),
        (500, b"", "answers 500"),
        (200, b"<html>", "not understood"),
        (200, b"[1]", "not understood"),
        (200, b'[{"id": "x"}]', "not understood"),
    ],
)
def test_refusals(github: FakeGitHub, where: GitHubHook, status, body, what):
    github.instead.append((status, {}, body))
    with pytest.raises(SourceError, match=what) as error:
        list(DeliveryLog(where).since(0))
    assert error.value.where.startswith(github.url)
    assert ("token" in error.value.hint) == (status in {401, 403, 404})


def test_a_delivery_that_is_none(github: FakeGitHub, where: GitHubHook):
    github.instead.append((200, {}, b"[]"))
    with pytest.raises(SourceError, match="a delivery was expected"):
        DeliveryLog(where).payload(Listed(1, "c", "", "push"))


def test_the_token_goes_to_no_other_server(github: FakeGitHub, where: GitHubHook):
    for url in ("http://127.0.0.1:1/x", "https://evil.example/x", "//evil.example/x"):
        github.instead.append((200, {"Link": f'<{url}>; rel="next"'}, b"[]"))
        with pytest.raises(SourceError, match="another server"):
            list(DeliveryLog(where).since(0))


def test_a_list_without_end(github: FakeGitHub, where: GitHubHook, monkeypatch):
    monkeypatch.setattr(module, "_MAX_PAGES", 5)
    link = {"Link": f'<{github.url}/x>; rel="next"'}
    github.instead += [(200, link, b"[]")] * 6
    with pytest.raises(SourceError, match="more than 5 pages"):
        list(DeliveryLog(where).since(0))


def test_an_answer_without_end(github: FakeGitHub, where: GitHubHook, monkeypatch):
    monkeypatch.setattr(module, "MAX_ANSWER", 1000)
    github.instead.append((200, {}, b"[" + b" " * 200_000))
    with pytest.raises(SourceError, match="does not end"):
        list(DeliveryLog(where).since(0))


def test_nobody_answers(where: GitHubHook, tmp_path: Path):
    nowhere = GitHubHook(where.owner, 7, where.token_file, "http://127.0.0.1:9")
    with pytest.raises(SourceError, match="cannot be reached"):
        list(DeliveryLog(nowhere).since(0))


def test_a_token_that_was_renewed(github: FakeGitHub, where: GitHubHook):
    log, token = DeliveryLog(where), where.token_file.read_text()
    where.token_file.write_text("expired")
    with pytest.raises(SourceError, match="401"):
        list(log.since(0))
    where.token_file.write_text(token)
    assert list(log.since(0)) == []
    where.token_file.unlink()
    with pytest.raises(UsageError, match="token cannot be read"):
        list(log.since(0))
