"""Requests to a history: addresses, parameters, retries, errors and responses."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate

import pytest
import requests
import responses

from hubbub.collector.history.client import DEFAULT_URL, Filters, History
from hubbub.collector.history.retry import RetryPolicy
from hubbub.errors import SourceError, UsageError
from tests.support import paths
from tests.support.history.fake_history import T0, message
from tests.support.history.history_client import ONE_ROW, error_of, page, request

BASE = "http://history.example/datagrepper"
SEARCH, RAW = BASE + "/v2/search", BASE + "/raw"
CAPTURES = paths.CAPTURES / "datagrepper-answers.jsonl"
ANSWERS = [json.loads(line) for line in CAPTURES.read_text().splitlines()]


@pytest.fixture
def web():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def waits():
    return []


@pytest.fixture
def history(waits):
    return History(BASE, retry=RetryPolicy(pause=waits.append, jitter=lambda: 0.5))


@pytest.mark.parametrize(
    "url",
    [BASE, BASE + "/", SEARCH, SEARCH + "/", RAW, " " + RAW + "/", BASE + "?x=1", BASE + "#x"],
)
def test_all_forms_of_the_address(web, url):
    for endpoint in (SEARCH, RAW):
        web.get(endpoint, body=ONE_ROW)
    history = History(url)
    assert history.url == BASE
    assert history.source == "history:" + BASE
    assert len(request(history).rows) == 1
    path = "/raw" if "/raw" in url else "/v2/search"
    assert web.calls[0].request.path_url.startswith("/datagrepper" + path)


@pytest.mark.parametrize("url", ["", "history.example", "ftp://x/", "http://", "/raw"])
def test_invalid_addresses(url):
    with pytest.raises(UsageError, match="is not the address of a history service"):
        History(url)


def test_the_public_history_is_the_default():
    assert History().url == DEFAULT_URL == "https://apps.fedoraproject.org/datagrepper"


def test_parameters_and_headers_of_a_request(web, history):
    web.get(SEARCH, body=ONE_ROW)
    request(history, filters=Filters(("git", "wiki"), ("a.b",), ("u&v=\u00e9",)))
    sent = web.calls[0].request
    assert sent.params == {
        "start": str(T0), "end": f"{T0 + 99}.999999", "order": "asc", "page": "1",
        "rows_per_page": "100", "category": ["git", "wiki"], "topic": "a.b", "user": "u&v=\u00e9",
    }  # fmt: skip
    assert sent.headers["User-Agent"].startswith("hubbub/")
    assert sent.headers["Accept"] == "application/json"


def test_a_start_of_zero_is_sent_as_one_since_the_service_would_ignore_the_end(web, history):
    web.get(SEARCH, body=ONE_ROW)
    history.window(0, 100)
    assert web.calls[0].request.params["start"] == "1"


def test_filters_have_a_canonical_key():
    filters = Filters(("b", "a", "a"), ("t t",), ())
    assert filters.key == Filters(("a", "b"), ("t t",)).key == "category=a&category=b&topic=t+t"
    assert Filters().key == ""


def test_falls_back_to_raw_for_an_older_service(web, history):
    web.get(SEARCH, status=404, body='{"error": "not_found"}')
    web.get(RAW, body=ONE_ROW)
    assert len(request(history).rows) == len(request(history).rows) == 1
    assert [call.request.path_url.partition("?")[0] for call in web.calls] == [
        "/datagrepper/v2/search", "/datagrepper/raw", "/datagrepper/raw",
    ]  # fmt: skip


def test_two_threads_fall_back_to_raw_at_once(web, history):
    barrier = threading.Barrier(2)

    def search(_):
        barrier.wait(10)
        return 404, {}, ""

    web.add_callback(responses.GET, SEARCH, callback=search)
    web.get(RAW, body=ONE_ROW)
    with ThreadPoolExecutor(2) as pool:
        pages = [pool.submit(request, history) for _ in range(2)]
        assert [len(page.result().rows) for page in pages] == [1, 1]


def test_neither_endpoint_exists(web, history):
    web.get(SEARCH, status=404)
    web.get(RAW, status=404, body="<title>404</title> Not <b>Found</b>")
    error = error_of(history, "answered 404: 404 Not Found", "address of a datagrepper")
    assert error.where == RAW
    assert len(web.calls) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 405, 410, 451])
def test_a_client_error_is_not_retried(web, history, status):
    web.get(SEARCH, status=status, body="<h1>Bad\nRequest</h1>\n<p>page must be &gt; 0</p>")
    error_of(history, f"answered {status}: Bad Request page must be")
    assert len(web.calls) == 1


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_transient_statuses_are_retried(web, history, waits, status):
    web.get(SEARCH, status=status, body='{"error": NaN}')
    web.get(SEARCH, body=ONE_ROW)
    assert len(request(history).rows) == 1
    assert waits == [pytest.approx(0.5, abs=0.2)]


def test_a_service_that_has_answered_before_gets_more_attempts(web, history, waits):
    web.get(SEARCH, status=502, body="<html><body>Bad <i>Gateway</i></body></html>")
    error_of(history, "answered 502: Bad Gateway, 3 times in a row")
    assert waits == [0.5, 1.0]
    web.replace(responses.GET, SEARCH, body=ONE_ROW)
    request(history)
    waits.clear()
    web.replace(responses.GET, SEARCH, status=502)
    error_of(history, "answered 502, 8 times in a row", "run the same command again")
    assert waits == [0.5, 1, 2, 4, 8, 16, 32]
    assert history.requests == 3 + 1 + 8


@pytest.mark.parametrize(
    ("after", "date", "wait"),
    [
        ("7", None, 7),
        ("0", None, 0.5),
        ("1000", None, 300),
        ("100000", None, 0.5),  # absurd: back off as without one
        ("9" * 400, None, 0.5),
        ("-3", None, 0.5),
        ("soon", None, 0.5),
        ("", None, 0.5),
        (formatdate(1000 + 20, usegmt=True), None, 20),
        (formatdate(900), None, 0.5),
        (formatdate(5000 + 20), formatdate(5000), 20),  # the service's clock is ahead of this one
        (formatdate(500 + 20), formatdate(500), 20),
        (formatdate(500 + 20), "yesterday", 0.5),
        (formatdate(500 + 10**7), formatdate(500), 0.5),
        ("Sat, 99 Nov 2026 10:00:00 GMT", None, 0.5),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_honoured(web, waits, after, date, wait, status):
    retry = RetryPolicy(pause=waits.append, jitter=lambda: 0.5, now=lambda: 1000.0)
    headers = {"Retry-After": after} | ({"Date": date} if date else {})
    web.get(SEARCH, status=status, headers=headers)
    web.get(SEARCH, body=ONE_ROW)
    request(History(BASE, retry=retry))
    assert waits == [pytest.approx(wait, abs=0.2)]


def test_waiting_as_asked_is_no_failed_attempt(web, history, waits):
    for _ in range(40):
        web.get(SEARCH, status=429, headers={"Retry-After": "3"})
    web.get(SEARCH, body=ONE_ROW)
    assert len(request(history).rows) == 1
    assert len(waits) >= 40


def test_a_service_that_only_asks_to_wait_is_given_up_after_minutes(web, history, waits):
    web.get(SEARCH, status=503, headers={"Retry-After": "60"})
    error_of(history, "answered 503, after 180 s of waiting as it asked", "is up")
    assert len(waits) == 3
    web.replace(responses.GET, SEARCH, body=ONE_ROW)
    request(history)
    web.replace(responses.GET, SEARCH, status=429, body="slow down")
    error_of(
        history, "answered 429: slow down, after .* s of waiting", "run the same command again"
    )
    assert len(waits) < 40, "without a Retry-After the waits grow"


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (requests.exceptions.ConnectTimeout("x"), "no response within 60 s"),
        (requests.exceptions.ReadTimeout("x"), "no response within 60 s"),
        (requests.ConnectionError("refused"), "the connection failed: refused"),
        (requests.exceptions.ChunkedEncodingError("cut"), "failed: cut"),
    ],
)
def test_network_errors_are_retried(web, history, waits, fault, words):
    web.get(SEARCH, body=fault)
    error_of(history, words)
    assert len(waits) == 2


def test_an_untrusted_certificate_is_not_retried(web, history):
    web.get(SEARCH, body=requests.exceptions.SSLError("self-signed certificate"))
    error_of(history, "no trusted connection: self-signed", "certificates")
    assert len(web.calls) == 1


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<html><head><style>a{}</style></head>Please <b>log in</b></html>", "is HTML.*log in"),
        ("", "is not JSON"),
        (ONE_ROW[:-9], "is not JSON"),
        (ONE_ROW + "x", "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        ("[]", "not a page of messages: Expected `object`, got `array`"),
        (page(raw_messages={}), r"Expected `array`, got `object` - at `\$.raw_messages`"),
        (page(total="7"), r"Expected `int`, got `str` - at `\$.total`"),
        (page(total=True), r"Expected `int`, got `bool`"),
        (page(total=None), r"Expected `int`, got `null`"),
        (page(total=float("nan")), r"Expected `int`, got `float`"),
        ("{}", "missing required field `raw_messages`"),
        ('{"raw_messages": []}', "missing required field `total`"),
        (page(total=-1), "total=-1"),
        (page(count=5), "states count=5, total=0 with 0 rows"),
        (page(total=250, pages=1), "states pages=1 where total=250 makes 3 of 100 rows each"),
        (page(total=5, pages=9), "states pages=9"),
        (page(*[{"id": str(n)} for n in range(101)], pages=2), "101 rows where 100 were requested"),
        ('{"total": 1, "raw_messages": [' + "[" * 100_000, "is not JSON|nested too deeply"),
    ],
)
def test_invalid_responses_are_retried(web, history, waits, body, words):
    web.get(SEARCH, body=body, content_type="application/json")
    error = error_of(history, words)
    assert "it begins: " in str(error)
    assert len(str(error)) < 600
    assert len(waits) == 2  # it may be a proxy's error page, so it is retried


def test_the_content_type_is_ignored(web, history):
    web.get(SEARCH, body=ONE_ROW, content_type="text/html; charset=latin-1")
    assert len(request(history).rows) == 1


def test_a_body_beyond_the_limit_is_not_read(web):
    web.get(SEARCH, body=page(message(1, "a" * 5000)[1]))
    error_of(History(BASE, max_bytes=4000), "more than 4,000 bytes", "--until")


def test_credentials_are_sent_and_never_shown(web, waits):
    retry = RetryPolicy(pause=waits.append)
    history = History("http://me:s3cret@history.example/datagrepper", retry=retry)
    web.get(SEARCH, status=500)
    error = error_of(history, "answered 500")
    assert web.calls[0].request.headers["Authorization"].startswith("Basic ")
    assert "s3cret" not in str(error) + history.url + history.source
    assert history.url == BASE
    with pytest.raises(UsageError) as caught:
        History("ftp://me:s3cret@x/")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda a: f"{a['path']}-{a['status']}")
def test_captured_responses_of_the_real_service(web, history, answer):
    body = answer["body"] if isinstance(answer["body"], str) else json.dumps(answer["body"])
    for path in (SEARCH, RAW):
        web.get(path, body=body, status=answer["status"], content_type=answer["content_type"])
    if answer["status"] == 200 and isinstance(answer["body"], dict):
        rows = dict(answer["params"]).get("rows_per_page", 25)
        result = history.window(T0, T0 + 1, rows=rows)
        assert result.total == answer["body"]["total"]
        assert [json.loads(row.body) for row in result.rows] == answer["body"]["raw_messages"]
        assert all(row.second and row.topic for row in result.rows)
    else:
        error_of(history, "HTML" if answer["status"] == 200 else f"answered {answer['status']}")


def test_waiting_ends_when_stopped(web):
    web.get(SEARCH, status=503, headers={"Retry-After": "200"})
    stopped = threading.Event()
    threading.Timer(0.05, stopped.set).start()
    started = time.monotonic()
    with pytest.raises(SourceError, match="stopped"):
        request(History(BASE), stopped=stopped)
    assert time.monotonic() - started < 20
