import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
import responses

from hubbub.collector.history.client import DEFAULT_URL, Filters, History
from hubbub.collector.history.retry import RetryPolicy
from hubbub.errors import SourceError, UsageError
from tests.support import paths
from tests.support.fake_history import T0, message

BASE = "http://history.example/datagrepper"
SEARCH, RAW = BASE + "/v2/search", BASE + "/raw"
CAPTURES = paths.CAPTURES / "datagrepper-answers.jsonl"
ANSWERS = [json.loads(line) for line in CAPTURES.read_text().splitlines()]


def page(*rows, **more):
    said = {"raw_messages": list(rows), "total": len(rows), "pages": 1, "count": len(rows)}
    return json.dumps({**said, **more})


ONE = page(message(1, "a")[1])


@pytest.fixture
def web():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def waits():
    return []


@pytest.fixture
def history(waits):
    return History(BASE, patience=RetryPolicy(pause=waits.append, jitter=lambda: 0.5))


def ask(history, **more):
    return history.window(T0, T0 + 100, **more)


def refused(history, words, hint=""):
    with pytest.raises(SourceError, match=words) as caught:
        ask(history)
    assert caught.value.exit_code == 4
    assert caught.value.where.startswith("http")
    assert caught.value.hint
    assert hint in caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    "url",
    [BASE, BASE + "/", SEARCH, SEARCH + "/", RAW, " " + RAW + "/", BASE + "?x=1", BASE + "#x"],
)
def test_any_form_of_the_address(web, url):
    for known in (SEARCH, RAW):
        web.get(known, body=ONE)
    history = History(url)
    assert history.url == BASE
    assert history.source == "history:" + BASE
    assert len(ask(history).rows) == 1
    asked = "/raw" if "/raw" in url else "/v2/search"
    assert web.calls[0].request.path_url.startswith("/datagrepper" + asked)


@pytest.mark.parametrize("url", ["", "history.example", "ftp://x/", "http://", "/raw"])
def test_no_address(url):
    with pytest.raises(UsageError, match="no address of a history service"):
        History(url)


def test_the_public_history_is_the_default():
    assert History().url == DEFAULT_URL == "https://apps.fedoraproject.org/datagrepper"


def test_what_is_sent(web, history):
    web.get(SEARCH, body=ONE)
    ask(history, filters=Filters(("git", "wiki"), ("a.b",), ("u&v=\u00e9",)))
    request = web.calls[0].request
    assert request.params == {
        "start": str(T0), "end": f"{T0 + 99}.999999", "order": "asc", "page": "1",
        "rows_per_page": "100", "category": ["git", "wiki"], "topic": "a.b", "user": "u&v=\u00e9",
    }  # fmt: skip
    assert request.headers["User-Agent"].startswith("hubbub/")
    assert request.headers["Accept"] == "application/json"


def test_a_start_of_zero_would_make_the_service_ignore_the_end(web, history):
    web.get(SEARCH, body=ONE)
    history.window(0, 100)
    assert web.calls[0].request.params["start"] == "1"


def test_filters_have_one_canonical_text():
    one = Filters(("b", "a", "a"), ("t t",), ())
    assert one.key == Filters(("a", "b"), ("t t",)).key == "category=a&category=b&topic=t+t"
    assert Filters().key == ""


def test_an_older_service_has_only_raw(web, history):
    web.get(SEARCH, status=404, body='{"error": "not_found"}')
    web.get(RAW, body=ONE)
    assert len(ask(history).rows) == len(ask(history).rows) == 1
    assert [call.request.path_url.partition("?")[0] for call in web.calls] == [
        "/datagrepper/v2/search", "/datagrepper/raw", "/datagrepper/raw",
    ]  # fmt: skip


def test_two_threads_find_out_at_once_that_it_has_only_raw(web, history):
    together = threading.Barrier(2)

    def search(_):
        together.wait(10)
        return 404, {}, ""

    web.add_callback(responses.GET, SEARCH, callback=search)
    web.get(RAW, body=ONE)
    with ThreadPoolExecutor(2) as pool:
        got = [pool.submit(ask, history) for _ in range(2)]
        assert [len(one.result().rows) for one in got] == [1, 1]


def test_neither_is_there(web, history):
    web.get(SEARCH, status=404)
    web.get(RAW, status=404, body="<title>404</title> Not <b>Found</b>")
    error = refused(history, "answered 404: 404 Not Found", "address of a datagrepper")
    assert error.where == RAW
    assert len(web.calls) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 405, 410, 451])
def test_a_refusal_is_not_repeated(web, history, status):
    web.get(SEARCH, status=status, body="<h1>Bad\nRequest</h1>\n<p>page must be &gt; 0</p>")
    refused(history, f"answered {status}: Bad Request page must be")
    assert len(web.calls) == 1


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(web, history, waits, status):
    web.get(SEARCH, status=status, body='{"error": NaN}')
    web.get(SEARCH, body=ONE)
    assert len(ask(history).rows) == 1
    assert waits == [0.5]


def test_a_service_that_is_down_is_given_up_soon_at_first_and_late_later(web, history, waits):
    web.get(SEARCH, status=502, body="<html><body>Bad <i>Gateway</i></body></html>")
    refused(history, "answered 502: Bad Gateway, 3 times in a row")
    assert waits == [0.5, 1.0]
    web.replace(responses.GET, SEARCH, body=ONE)
    ask(history)
    waits.clear()
    web.replace(responses.GET, SEARCH, status=502)
    refused(history, "answered 502, 8 times in a row", "run the same command again")
    assert waits == [0.5, 1, 2, 4, 8, 16, 32]
    assert history.requests == 3 + 1 + 8


@pytest.mark.parametrize(
    ("after", "wait"),
    [("7", 7), ("100000", 300), ("-3", 0.5), ("soon", 0.5), ("", 0.5),
     (formatdate(1000 + 20, usegmt=True), 20), (formatdate(900), 0),
     ("Sat, 99 Nov 2026 10:00:00 GMT", 0.5)],
)  # fmt: skip
def test_retry_after_is_honoured(web, waits, after, wait):
    patience = RetryPolicy(pause=waits.append, jitter=lambda: 0.5, now=lambda: 1000.0)
    web.get(SEARCH, status=503, headers={"Retry-After": after})
    web.get(SEARCH, body=ONE)
    ask(History(BASE, patience=patience))
    assert waits == [wait]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (requests.exceptions.ConnectTimeout("x"), "no answer within 60 s"),
        (requests.exceptions.ReadTimeout("x"), "no answer within 60 s"),
        (requests.ConnectionError("refused"), "no connection, or it broke: refused"),
        (requests.exceptions.ChunkedEncodingError("cut"), "broke: cut"),
    ],
)
def test_a_network_that_fails(web, history, waits, fault, words):
    web.get(SEARCH, body=fault)
    refused(history, words)
    assert len(waits) == 2


def test_an_untrusted_certificate_is_not_tried_again(web, history):
    web.get(SEARCH, body=requests.exceptions.SSLError("self-signed certificate"))
    refused(history, "no trusted connection: self-signed", "certificates")
    assert len(web.calls) == 1


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<html><head><style>a{}</style></head>Please <b>log in</b></html>", "is HTML.*log in"),
        ("", "is no JSON"),
        (ONE[:-9], "is no JSON"),
        (ONE + "x", "is no JSON"),
        (b"\xff\xfe", "is no JSON"),
        ("[]", "no page of messages: Expected `object`, got `array`"),
        (page(raw_messages={}), r"Expected `array`, got `object` - at `\$.raw_messages`"),
        (page(total="7"), r"Expected `int`, got `str` - at `\$.total`"),
        (page(total=True), r"Expected `int`, got `bool`"),
        (page(total=None), r"Expected `int`, got `null`"),
        (page(total=float("nan")), r"Expected `int`, got `float`"),
        ("{}", "missing required field `raw_messages`"),
        ('{"raw_messages": []}', "missing required field `total`"),
        (page(total=-1), "total=-1"),
        (page(count=5), "says count=5, total=0 with 0 rows"),
        (page(total=250, pages=1), "says pages=1 where total=250 makes 3 of 100 rows each"),
        (page(total=5, pages=9), "says pages=9"),
        (page(*[{"id": str(n)} for n in range(101)], pages=2), "101 rows where 100 were asked"),
        ('{"total": 1, "raw_messages": [' + "[" * 100_000, "is no JSON|nested too deep"),
    ],
)
def test_an_answer_that_makes_no_sense(web, history, waits, body, words):
    web.get(SEARCH, body=body, content_type="application/json")
    error = refused(history, words)
    assert "it begins: " in str(error)
    assert len(str(error)) < 600
    assert len(waits) == 2  # a proxy's page may be gone the next time


def test_the_content_type_is_not_believed(web, history):
    web.get(SEARCH, body=ONE, content_type="text/html; charset=latin-1")
    assert len(ask(history).rows) == 1


def test_a_body_beyond_the_bound_is_not_read(web):
    web.get(SEARCH, body=page(message(1, "a" * 5000)[1]))
    refused(History(BASE, max_bytes=4000), "more than 4,000 bytes", "max_bytes")


def test_credentials_are_sent_and_never_told(web, waits):
    patience = RetryPolicy(pause=waits.append)
    history = History("http://me:s3cret@history.example/datagrepper", patience=patience)
    web.get(SEARCH, status=500)
    error = refused(history, "answered 500")
    assert web.calls[0].request.headers["Authorization"].startswith("Basic ")
    assert "s3cret" not in str(error) + history.url + history.source
    assert history.url == BASE
    with pytest.raises(UsageError) as caught:
        History("ftp://me:s3cret@x/")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda a: f"{a['path']}-{a['status']}")
def test_what_the_real_service_answered(web, history, answer):
    body = answer["body"] if isinstance(answer["body"], str) else json.dumps(answer["body"])
    for path in (SEARCH, RAW):
        web.get(path, body=body, status=answer["status"], content_type=answer["content_type"])
    if answer["status"] == 200 and isinstance(answer["body"], dict):
        rows = dict(answer["params"]).get("rows_per_page", 25)
        got = history.window(T0, T0 + 1, rows=rows)
        assert got.total == answer["body"]["total"]
        assert [json.loads(row.body) for row in got.rows] == answer["body"]["raw_messages"]
        assert all(row.second and row.topic for row in got.rows)
    else:
        refused(history, "HTML" if answer["status"] == 200 else f"answered {answer['status']}")


def test_waiting_ends_when_told(web):
    web.get(SEARCH, status=503, headers={"Retry-After": "200"})
    stopped = threading.Event()
    threading.Timer(0.05, stopped.set).start()
    began = time.monotonic()
    with pytest.raises(SourceError, match="stopped"):
        ask(History(BASE), stopped=stopped)
    assert time.monotonic() - began < 20


class Bad(BaseHTTPRequestHandler):
    """A real socket: connections that are cut, and bytes that drip."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        if self.path.startswith("/cut"):
            self.send_header("Content-Length", str(len(ONE) + 10))
            self.end_headers()
            self.wfile.write(ONE.encode())
            self.close_connection = True
            return
        self.send_header("Content-Length", "1000")
        self.end_headers()
        for _ in range(100):
            try:
                self.wfile.write(b" ")
            except OSError:
                break
            time.sleep(0.02)

    def log_message(self, *_):
        pass


@pytest.mark.parametrize(
    ("kind", "timeout", "words"),
    [("cut", 5, "no connection, or it broke: .*read"), ("drip", 0.1, "did not end within 0.4 s")],
)
def test_real_connections_that_misbehave(kind, timeout, words):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Bad)
    server.daemon_threads, server.block_on_close = True, False
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    patience = RetryPolicy(pause=lambda _: None, first_tries=2)
    history = History(
        f"http://127.0.0.1:{server.server_port}/{kind}", timeout=timeout, patience=patience
    )
    try:
        refused(history, words)
    finally:
        history.close()
        server.shutdown()
        server.server_close()


def test_nobody_listens():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Bad)
    server.server_close()
    history = History(f"http://127.0.0.1:{server.server_port}", patience=RetryPolicy(first_tries=1))
    error = refused(history, "it broke: (Failed|\\[Errno).*refused", "check the address")
    assert "object at 0x" not in str(error)
    assert "HTTPConnection" not in str(error)
