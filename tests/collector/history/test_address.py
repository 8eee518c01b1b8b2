"""Which addresses a history is asked at: no nonsense, and none that only a redirect names."""

import json

import pytest
import responses

from hubbub.collector.history.client import History
from hubbub.collector.history.retry import RetryPolicy
from hubbub.errors import SourceError, UsageError

BASE = "http://history.example/datagrepper"
SEARCH = BASE + "/v2/search"
EMPTY = json.dumps({"raw_messages": [], "total": 0, "pages": 0, "count": 0})


@pytest.fixture
def web():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.get(SEARCH, body=EMPTY)
        yield mock


def ask(base=BASE):
    return History(base, patience=RetryPolicy(pause=lambda _: None)).window(1_000_000, 1_000_100)


def sent_to(web, target, words):
    web.replace(responses.GET, SEARCH, status=302, headers={"Location": target})
    with pytest.raises(SourceError, match=words) as caught:
        ask()
    assert caught.value.exit_code == 4
    assert "token" not in str(caught.value)


def test_a_redirect_within_the_service_is_followed(web):
    web.replace(responses.GET, SEARCH, status=301, headers={"Location": "/new?x=1"})
    web.get("http://history.example/new", body=EMPTY)
    assert ask().rows == ()


def test_a_redirect_to_https_on_the_usual_ports_is_followed(web):
    safe = SEARCH.replace("http:", "https:")
    web.replace(responses.GET, SEARCH, status=302, headers={"Location": safe})
    web.get(safe, body=EMPTY)
    assert ask().rows == ()


@pytest.mark.parametrize(
    "target",
    [
        "http://evil.example/x?token=1",
        "//evil.example/x",
        "ftp://history.example/",
        "https://a@b/",
        "http://history.example:8080/x",
        "https://history.example:22/x",
        "http://history.example:port/",
        "http://me:token@history.example/x",
    ],
)
def test_a_redirect_to_another_service_is_refused(web, target):
    sent_to(web, target, "redirects to ")
    assert all(call.request.url.startswith(SEARCH) for call in web.calls)


def test_redirects_that_lead_nowhere(web):
    sent_to(web, "http://[", "redirects to no address")
    sent_to(web, SEARCH, "redirects in a circle")


@pytest.mark.parametrize(
    "url",
    [
        *("http://[", "http://h:abc/", "http://h:99999/", "http://ex ample/", "http://a\x1bb/"),
        *("", "h", "http://", "ftp://h/", "http://me:s3cret@[/?token=1"),
    ],
)
def test_an_address_that_is_none(url):
    with pytest.raises(UsageError, match="is no address of a history service") as caught:
        History(url)
    assert "s3cret" not in str(caught.value)
    assert "token" not in str(caught.value)
