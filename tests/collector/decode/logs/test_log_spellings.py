"""The many ways in which web servers are told to write the same request."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hubbub.collector.decode.line_reading import Reading, pack
from hubbub.collector.decode.logs.log_names import account, shortened, split_names, unescaped
from hubbub.collector.event import Event, Frame
from hubbub.collector.people.extract import understand
from hubbub.errors import MessageError
from hubbub.times import iso

DATE = "[14/Oct/2026:18:53:16 -0400]"
UTC = "2026-10-14T22:53:16Z"
REST = f'{DATE} "GET /a/b?q=1 HTTP/2.0" 200 905 "-" "UA"'


def event(line: str, form: str = "", **how: Any) -> Event:
    topic = pack(Reading(log_format=form, keep_addresses=True, **how))
    return understand(Frame("access-log:x", 0, topic, line.encode(), 1))


def facts(got: Event) -> tuple[Any, ...]:
    assert got.extra is not None
    return (*got.users, *got.objects, got.size, got.extra["host"], iso(got.when)[:19] + "Z")


JO = ("jo", "/a", 905, "203.0.113.5", UTC)
V6 = ("jo", "/a", 905, "2001:db8::7", UTC)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("203.0.113.5 - jo", JO),
        ("Oct 14 18:53:16 web1 nginx: 203.0.113.5 - jo", JO),
        ("<190>Oct  4 18:53:16 web1 nginx[12]: 203.0.113.5 - jo", JO),
        ("2026-10-14T18:53:16.1+02:00 web1 httpd[1]: example.org:443 203.0.113.5 - jo", JO),
        ("203.0.113.5, 10.0.0.1 - jo", JO),
        ("unknown, 203.0.113.5,10.0.0.1, 10.0.0.2 - jo", JO),
        ("example.org 203.0.113.5, 10.0.0.1 - jo", JO),
        ("203.0.113.5 - [203.0.113.5] - jo", JO),
        ("2001:db8::7 - jo", V6),
        ("example.org:443 2001:db8::7 - jo", V6),
        ("2001:db8::7, 203.0.113.5, 2001:db8::8 - jo", V6),
    ],
)
def test_what_stands_before_the_user(names: str, expected: tuple[Any, ...]) -> None:
    assert facts(event(f"{names} {REST}")) == expected
    nobody = event(f"{names.removesuffix(' jo')} - {REST}")
    assert nobody.users == ()
    assert facts(nobody) == expected[1:]


@pytest.mark.parametrize(
    ("host", "short"),
    [
        ("203.0.113.5:4711", "203.0.113.0"),
        ("[2001:db8:1:2::7]:443", "2001:db8:1::"),
        ("[2001:db8:1:2::7]", "2001:db8:1::"),
    ],
)
def test_an_address_with_a_port_is_shortened(host: str, short: str) -> None:
    assert shortened(host) == short


@pytest.mark.parametrize(
    ("name", "user"),
    [
        (r"j\xc3\xb6rg", "jörg"),
        (r"j\xC3\xB6rg", "jörg"),
        ("jörg", "jörg"),
        (r"DOM\\jo", r"dom\jo"),
        (r"DOM\x5Cjo", r"dom\jo"),
        (r"jo\x22x\x22", 'jo"x"'),
        ("''", None),
        (r"\x22\x22", None),
        (r"\x20", None),
        ("", None),
        ("jo [x] y", "jo [x] y"),
        ("[jo]", "[jo]"),
        ("j%C3%B6rg", "j%C3%B6rg"),
    ],
)
def test_names_of_users(name: str, user: str | None) -> None:
    got = event(f"203.0.113.5 - {name} {REST}")
    assert [n.lower() for n in got.users] == ([] if user is None else [user.lower()])


@pytest.mark.parametrize("names", ["web1 nginx 203.0.113.5: - jo x", "a b c d", "host ident jo x"])
def test_words_of_another_kind_are_no_user(names: str) -> None:
    with pytest.raises(ValueError, match="form"):
        split_names(names, spaces=True)


def test_escapes() -> None:
    assert unescaped(r"a\\x41 \x41\"") == r'a\x41 A"'
    assert unescaped(r"\xff\x00") == "\N{REPLACEMENT CHARACTER}" * 2
    assert unescaped(r"\ud83d\ude00 \ud83d") == "\U0001f600 \N{REPLACEMENT CHARACTER}"
    assert account(r"a\\b", 200, escaped=False) == r"a\\b"


@pytest.mark.parametrize(
    ("written", "equal"),
    [
        (r"/caf\xc3\xa9/x", "/caf%C3%A9"),
        (r"/caf\xC3\xA9/x", "/caf%c3%a9"),
        ("/%7Eana/./x", "/~ana"),
        ("http://EXAMPLE.org:80/%61", "/a"),
        ("http://example.org", "/"),
        ("/./", "/"),
        ("/a//b", "/a"),
        ("/a#f", "/a"),
    ],
)
def test_equal_paths_of_a_log_are_one_section(written: str, equal: str) -> None:
    (one,) = event(f"h - - {REST}".replace("/a/b?q=1", written)).objects
    (other,) = event(f"h - - {REST}".replace("/a/b?q=1", equal)).objects
    assert one == other


CADDY = {"request": {"remote_ip": "203.0.113.5", "method": "GET", "uri": "/a/b", "proto": "HTTP/2"},
         "user_id": "jo", "size": 905, "status": 200}  # fmt: skip
TIME = 1792018396
JSON_LINES: list[dict[str, Any]] = [
    CADDY | {"ts": TIME + 0.25},
    CADDY | {"ts": TIME * 1000},
    CADDY | {"ts": TIME * 1e3},
    CADDY | {"ts": TIME * 10**9},
    CADDY | {"ts": "2026-10-14T22:53:16.000Z"},
    CADDY | {"ts": "2026/10/14 22:53:16.000"},
    CADDY | {"ts": "14/Oct/2026:18:53:16 -0400"},
    {"time": UTC, "remoteAddr": "203.0.113.5", "remoteUser": "jo", "requestMethod": "GET",
     "requestUri": "/a/b", "status": 200.0, "bytesSent": 905.0},
    {"@timestamp": UTC, "Remote-Addr": "203.0.113.5", "auth": "jo", "verb": "GET",
     "request": "/a/b", "response": "200", "bytes": "905"},
    {"time": UTC, "remoteIP": "203.0.113.5", "host": "example.org", "request": "/a/b",
     "method": "GET", "user": "jo", "status": "200", "size": "905"},
    {"nginx": {"time_local": DATE, "remote_addr": "203.0.113.5", "remote_user": "jo",
               "request": "GET /a/b", "status": 200, "bytes_sent": 905}},
    {"timestamp": UTC, "user": "jo",
     "httpRequest": {"requestMethod": "GET", "requestUrl": "https://x.org/a/b", "status": 200,
                     "responseSize": "905", "remoteIp": "203.0.113.5"}},
]  # fmt: skip


@pytest.mark.parametrize("line", JSON_LINES)
def test_json_in_any_spelling(line: dict[str, Any]) -> None:
    text = json.dumps(line)
    assert facts(event(text)) == JO
    assert event(text).action == "GET"
    assert event(text.replace("200", "401").replace("2001", "200")).users == ()
    assert event(text.replace('"jo"', '""')).users == ()


def test_json_with_the_escapes_of_another_format() -> None:
    text = json.dumps(JSON_LINES[9]).replace('"jo"', r'"j\xC3\xB6 \x22x\x22 \\x41"')
    assert event(text).users == (r'jö "x" \x41',)


def test_a_request_that_was_none_counts_without_section() -> None:
    got = event(json.dumps({"time": UTC, "request": "", "status": 400, "remote_addr": "h"}))
    assert (got.objects, got.users, got.size) == ((), (), 0)


@pytest.mark.parametrize("size", [-1, 1.5, 1e30, 2**53 + 1, 2**63, 2**64, "1e30", "NaN", "-7"])
def test_sizes_that_are_none(size: Any) -> None:
    with pytest.raises(MessageError) as refused:
        event(json.dumps(CADDY | {"ts": TIME, "size": size}))
    assert refused.value.reason == "bad-size"


A = '203.0.113.5 - jo [14/Oct/2026:18:53:16 -0400] "GET /a/b?q=1 HTTP/1.1" 200 905'
NGINX = '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent'
FORMATS = [
    (r'LogFormat "%h %l %u %t \"%r\" %>s %b %T" mine', f"{A} 0"),
    ("%h|%l|%u|%t|%r|%>s|%b", "203.0.113.5|-|jo|" + DATE + "|GET /a/b HTTP/1.1|200|905"),
    (r"%h\t%u\t%t\t%r\t%>s\t%b", f"203.0.113.5\tjo\t{DATE}\tGET /a/b HTTP/1.1\t200\t905"),
    ("%h %u %t %r %>s %b", f"203.0.113.5 jo {DATE} GET /a/b HTTP/1.1 200 905"),
    ('%{X-Forwarded-For}i %l %u %t "%r" %>s %b', A.replace(" - jo", ", 10.0.0.1 - jo")),
    ('%{X-Forwarded-For}i %a %l %u %t "%r" %>s %b', "10.1.1.1, 10.0.0.1 " + A),
    ('%h %l %u %t "%r" %<s %>s %b', A.replace(" 200 ", " 401 200 ")),
    ('%h %l %u %t "%r" %>s %b %{User-Agent}i', f"{A} Mozilla/5.0 (X11; Linux)"),
    ('%v:%p %h %l %u %t "%r" %>s %I %B %D', f"x.org:443 {A} 1".replace(" 200", " 200 77")),
    ('%h %u %{msec}t "%m %U%q" %>s %B', '203.0.113.5 jo 1792018396000 "GET /a/b?q" 200 905'),
    ('%h %u %{sec}t.%{msec_frac}t "%r" %>s %B', '203.0.113.5 jo 1792018396.123 "GET /a" 200 905'),
    (
        '[%{%d/%b/%Y %T}t.%{usec_frac}t %{%z}t] %h %u "%r" %>s %B',
        '[14/Oct/2026 18:53:16.123456 -0400] 203.0.113.5 jo "GET /a/b HTTP/1.1" 200 905',
    ),
    ('%{%FT%TZ}t %h %u "%r" %>s %B', '2026-10-14T22:53:16Z 203.0.113.5 jo "GET /a" 200 905'),
    (f"log_format main '{NGINX}'\n  ' $request_time';", f"{A} 0.012"),
    (f"main '{NGINX}'", A),
    (f'{NGINX} "$http_user_agent" $upstream_response_time', f'{A} "U\\"A" 0.1, 0.2 : 0.3'),
    (
        NGINX.replace("$remote_addr", "$proxy_add_x_forwarded_for"),
        A.replace(" - jo", ", 10.0.0.1 - jo"),
    ),
    (NGINX.replace("$request", "$scheme://$host$request_uri"), A.replace("GET /a/b?q=1 HTTP/1.1", "https://x.org/a")),
    (
        NGINX.replace("$request", "$request_method $uri$is_args$args $server_protocol"),
        A,
    ),
    ("$msec|$remote_addr|$remote_user|$request|$status|$bytes_sent",
     "1792018396.000|203.0.113.5|jo|GET /a/b HTTP/1.1|200|905"),
    (
        """log_format j escape=json '{"t":"$time_iso8601","h":"$remote_addr","u":"$remote_user",'
           '"r":"$request","s":$status,"b":$bytes_sent,"a":"$http_user_agent"}';""",
        json.dumps({"t": "2026-10-14T18:53:16-04:00", "h": "203.0.113.5", "u": "jo",
                    "r": "GET /a", "s": 200, "b": 905, "a": 'U"A'}, separators=(",", ":"))
        .replace("jo", "\\u006ao"),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("form", "line"), FORMATS)
def test_formats_of_a_configuration(form: str, line: str) -> None:
    got = event(line, form)
    expected = ("jo", "/a", 905, "203.0.113.5", UTC)
    assert facts(got) == expected
    assert event(line.replace(" 200", " 403").replace("|200", "|403").replace(":200", ":403")
                 .replace("\t200", "\t403"), form).users == ()  # fmt: skip


def test_names_with_spaces_in_a_format_of_a_configuration() -> None:
    form = '%h %l %u %t "%r" %>s %b'
    for name, user in [("Jo Doe", "Jo Doe"), ("jo[x]", "jo[x]"), ('""', None), ("-", None)]:
        got = event(A.replace(" jo ", f" {name} "), form)
        assert got.users == (() if user is None else (user,))


def test_many_lists_take_no_time() -> None:
    form = " ".join(["$upstream_response_time"] * 40) + ' $time_local "$request"'
    with pytest.raises(MessageError):
        event("0.1, " * 2000, form)
