"""Usual formats of access logs, names of users, addresses, queries and sizes."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from hubbub.collector.decode.line_reading import Reading, pack
from hubbub.collector.decode.logs.access_log import HTTP, parse, without_query
from hubbub.collector.decode.logs.log_format import compiled
from hubbub.collector.decode.logs.log_names import shortened
from hubbub.collector.decode.logs.section import normal_path, section
from hubbub.collector.event import Event, Frame
from hubbub.collector.files.log_name import log_name
from hubbub.collector.people.extract import understand
from hubbub.errors import MessageError, UsageError
from hubbub.times import iso

DATE = "[14/Oct/2026:18:53:16 -0400]"
UTC = "2026-10-14T22:53:16Z"
REQUEST = '"GET /a/b?q=1 HTTP/2.0" 200 905'
COMBINED = f'203.0.113.5 - - {DATE} {REQUEST} "-" "UA"'


def event(line: str, **how: Any) -> Event:
    return understand(Frame("access-log:x", 0, pack(Reading(**how)), line.encode(), 1))


@pytest.mark.parametrize(
    "line",
    [
        COMBINED,
        f'{COMBINED} "198.51.100.7"',
        f'{COMBINED} "-"',
        f"{COMBINED} 0.012",
        f'{COMBINED} rt=0.012 uct="0.000" uht="0.012" urt="-"',
        f"{COMBINED} 512 0.004 [default-web-80] [] 10.0.0.1:80 905 0.004 200 1f2e3d",
        f"example.org:443 {COMBINED}",
        f"example.org {COMBINED}",
        f"[2001:db8::1]:443 {COMBINED}",
        f"example.org:80 203.0.113.5 - - {DATE} {REQUEST}",
        f'"example.org" {COMBINED}',
    ],
)
def test_usual_extensions(line: str) -> None:
    got = event(line)
    assert (got.users, got.objects, got.size, got.action) == ((), ("/a",), 905, "GET")
    assert iso(got.when) == UTC
    assert got.extra == {"host": "203.0.113.0", "status": "200", "request": "GET /a HTTP/2.0"} | {
        "request": "GET /a/b HTTP/2.0"
    }


@pytest.mark.parametrize(
    ("name", "user"),
    [
        ("-", None),
        ('""', None),
        ('"-"', None),
        (r"\"\"", None),
        ("Jo Doe", "Jo Doe"),
        ('"Jo Doe"', "Jo Doe"),
        (r"\"jo doe \"", '"jo doe "'),
        ("jo[x]", "jo[x]"),
        ("jo@example.org", None),  # an e-mail address names an account only by the directory
        ("192.0.2.1", None),
        ("x" * 256, None),
    ],
)
def test_users(name: str, user: str | None) -> None:
    got = event(COMBINED.replace("- - [", f"- {name} ["))
    assert (got.agent, got.users) == (user, () if user is None else (user,))


@pytest.mark.parametrize(
    ("status", "named"), [(200, 1), (304, 1), (404, 1), (500, 1), (401, 0), (403, 0), (407, 0)]
)
def test_a_refused_user_is_nobody(status: int, named: int) -> None:
    line = COMBINED.replace("- - [", "- root [").replace(" 200 ", f" {status} ")
    got = event(line)
    assert len(got.users) == named
    assert got.agent == ("root" if named else None)
    assert got.size == 905  # the request counts


CADDY = {
    "level": "info", "ts": 1792018396.52, "logger": "http.log.access", "msg": "handled request",
    "request": {"remote_ip": "203.0.113.5", "remote_port": "4", "client_ip": "203.0.113.5",
                "proto": "HTTP/2.0", "method": "GET", "host": "example.org", "uri": "/a/b?q=1",
                "headers": {"User-Agent": ["UA"]}},
    "bytes_read": 0, "user_id": "jo", "duration": 0.01, "size": 905, "status": 200,
}  # fmt: skip
NGINX = {
    "time_iso8601": "2026-10-14T18:53:16-04:00", "remote_addr": "203.0.113.5",
    "remote_user": "jo", "request": "GET /a/b?q=1 HTTP/2.0", "status": "200",
    "body_bytes_sent": "905", "request_time": "0.01",
}  # fmt: skip
PARTS = {
    "time_local": "14/Oct/2026:18:53:16 -0400", "remote_addr": "203.0.113.5", "user": "jo",
    "request_method": "GET", "request_uri": "/a/b?q=1", "server_protocol": "HTTP/2.0",
    "status": 200, "bytes_sent": 905,
}  # fmt: skip
TRAEFIK = {
    "ClientHost": "203.0.113.5", "ClientUsername": "jo", "DownstreamContentSize": 905,
    "DownstreamStatus": 200, "RequestMethod": "GET", "RequestPath": "/a/b?q=1",
    "RequestProtocol": "HTTP/2.0", "StartUTC": "2026-10-14T22:53:16Z", "time": "x",
}  # fmt: skip


@pytest.mark.parametrize("line", [CADDY, NGINX, PARTS, TRAEFIK, PARTS | {"msec": "1792018396.1"}])
def test_json_lines(line: dict[str, Any]) -> None:
    got = event(json.dumps(line))
    assert (got.users, got.objects, got.size, got.action) == (("jo",), ("/a",), 905, "GET")
    assert iso(got.when).startswith(UTC[:-1])
    assert got.extra == {"host": "203.0.113.0", "status": "200", "request": "GET /a/b HTTP/2.0"}
    assert event(json.dumps(line).replace('"jo"', '""')).users == ()
    assert event(json.dumps(line).replace('"jo"', '"-"')).users == ()


@pytest.mark.parametrize("line", ["{", "{}", '{"status": 200}', "[1]", '{"a": ' * 500])
def test_json_that_is_no_request(line: str) -> None:
    with pytest.raises(MessageError) as caught:
        event(line)
    assert caught.value.reason == "malformed"


APACHE = r"%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\""
NGINX_MAIN = """'$remote_addr - $remote_user [$time_local] "$request" '
                '$status $body_bytes_sent "$http_referer" '
                '"$http_user_agent" "$http_x_forwarded_for"';"""


@pytest.mark.parametrize(
    ("form", "line"),
    [
        (APACHE, COMBINED),
        (f'"{APACHE}"', COMBINED),
        (f"%v:%p {APACHE} %D", f"example.org:443 {COMBINED} 1234"),
        (NGINX_MAIN, f'{COMBINED} "198.51.100.7"'),
        (
            '%a %u %{%d/%b/%Y:%H:%M:%S %z}t %>s %O "%m %U%q %H"',
            '203.0.113.5 - 14/Oct/2026:18:53:16 -0400 200 905 "GET /a/b?q=1 HTTP/2.0"',
        ),
        (
            "%{X-Forwarded-For}i %a [%{sec}t] %>s %B %m %U %H %%",
            "10.0.0.1,10.0.0.2 203.0.113.5 [1792018396] 200 905 GET /a/b HTTP/2.0 %",
        ),
        (
            "${remote_addr}|$msec|$request_method|$request_uri|$server_protocol|$status|$bytes_sent",
            "203.0.113.5|1792018396.000|GET|/a/b?q=1|HTTP/2.0|200|905",
        ),
        (
            '{"t":"$time_iso8601","h":"$remote_addr","r":"$request","s":$status,"b":$bytes_sent}',
            '{"t":"2026-10-14T18:53:16-04:00","h":"203.0.113.5",'  # noqa: ISC004
            '"r":"GET /a/b?q=1 HTTP/2.0","s":200,"b":905}',
        ),
    ],
)
def test_formats_of_a_configuration(form: str, line: str) -> None:
    got = event(line, log_format=form)
    assert (got.users, got.objects, got.size, got.action) == ((), ("/a",), 905, "GET")
    assert iso(got.when) == UTC
    assert got.extra == {"host": "203.0.113.0", "status": "200", "request": "GET /a/b HTTP/2.0"}


@pytest.mark.parametrize(
    "form",
    [
        "",
        "%h %u",
        "$remote_addr",
        "%t",
        "%r",
        "%{%Y}t %r",
        "x" * 5000,
        "%t %r" * 99,
        "%t%r %s",
        "%{%F %T}t %r",
        "%{%c %z}t %r",
        "LogFormat",
        "combined",
    ],
)
def test_formats_that_cannot_be_read(form: str) -> None:
    with pytest.raises(UsageError) as caught:
        compiled(form)
    assert caught.value.where == "--log-format"


@pytest.mark.parametrize(
    ("digits", "reason"),
    [
        (str(2**53), None),
        (str(2**53 + 1), "bad-size"),
        (str(2**62 - 1), "bad-size"),
        ("9" * 60_000, "bad-size"),
        ("-1", "bad-size"),
        ("1.5", "bad-size"),
        ("1e30", "bad-size"),
        ("NaN", "bad-size"),
        ("Infinity", "bad-size"),
        ("12a", "malformed"),
    ],
)
def test_sizes(digits: str, reason: str | None) -> None:
    line = COMBINED.replace(" 905 ", f" {digits} ")
    if reason is None:
        assert event(line).size == int(digits)
        return
    with pytest.raises(MessageError) as caught:
        event(line)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("host", "short"),
    [
        ("198.51.100.77", "198.51.100.0"),
        ("2001:db8:1:2:3::4", "2001:db8:1::"),
        ("fe80::1%eth0", "fe80::"),
        ("::ffff:198.51.100.77", "198.51.100.0"),
        ("p5b1-77.dip0.isp.example", "isp.example"),
        ("localhost", "localhost"),
        ("-", "-"),
    ],
)
def test_addresses_are_shortened(host: str, short: str) -> None:
    assert shortened(host) == short
    line = COMBINED.replace("203.0.113.5", host)
    assert event(line).extra["host"] == short  # type: ignore[index]
    assert event(line, keep_addresses=True).extra["host"] == host  # type: ignore[index]


@pytest.mark.parametrize(
    ("request_", "kept"),
    [
        ("GET /a?token=1 HTTP/1.1", "GET /a HTTP/1.1"),
        ("GET /a?b c d HTTP/1.1", "GET /a HTTP/1.1"),
        ("GET /a?x", "GET /a"),
        ("GET /a#x HTTP/1.1", "GET /a HTTP/1.1"),
        ("GET http://u:secret@h/a?x HTTP/1.1", "GET http://h/a HTTP/1.1"),
        ("GET /a HTTP/1.1", "GET /a HTTP/1.1"),
    ],
)
def test_queries_are_dropped(request_: str, kept: str) -> None:
    assert without_query(request_) == kept
    line = COMBINED.replace("GET /a/b?q=1 HTTP/2.0", request_)
    assert event(line).extra["request"] == kept  # type: ignore[index]
    assert event(line, keep_queries=True).extra["request"] == request_  # type: ignore[index]


@pytest.mark.parametrize(
    ("path", "equal"),
    [
        ("/%7Euser/x", "/~user/x"),
        ("/%7euser/x", "/~user/x"),
        ("/a%2fb/c", "/a%2Fb/c"),
        ("/a/./b", "/a/b"),
        ("/x/../a/b", "/a/b"),
        ("/%2e%2E/a", "/a"),
        ("/../../a", "/a"),
        ("/a/..", "/"),
        ("/a/b/.", "/a/b/"),
        ("/.", "/"),
        ("/...", "/..."),
        ("/é/x", "/%C3%A9/x"),
        ("/%c3%a9/x", "/%C3%A9/x"),
        ("/a%zz", "/a%zz"),
        ("/a%25zz", "/a%25zz"),
    ],
)
def test_equal_paths_are_one_section(path: str, equal: str) -> None:
    assert normal_path(path) == equal == normal_path(equal)
    for root in (False, True):
        assert section(f"GET {path} HTTP/1.1", root=root) == section(f"GET {equal} X", root=root)


def test_the_example_of_rfc_3986() -> None:
    assert normal_path("/a/b/c/./../../g") == "/a/g"  # 5.2.4
    assert section("GET eXAMPLE://a/./b/../b/%63/%7bfoo%7d X") == "/b"  # 6.2.2


@pytest.mark.parametrize(
    "text",
    [
        "a [" * 20_000,
        'a [x] "' * 8_000,
        f'h - - {DATE} "' + '\\"' * 30_000,
        f'h - - {DATE} "x" 200 1x "' + '" "' * 20_000,
        "h" + " " * 60_000 + "[",
        f"h - - {DATE}" + " " * 60_000 + "x",
        "{" + '"a":' * 15_000,
    ],
)
def test_hostile_lines_take_no_time(text: str) -> None:
    for form in ("", APACHE, NGINX_MAIN, "%u %a %t %B %>s %m %U%q"):
        started = time.process_time()
        with pytest.raises(ValueError, match=r"form|JSON|time|number"):
            parse(text, form)
        assert time.process_time() - started < 10


@pytest.mark.parametrize(
    ("name", "log"),
    [
        ("access.log", "access.log"),
        ("access.log.1", "access.log"),
        ("access.log.2.gz", "access.log"),
        ("access.log-20260101", "access.log"),
        ("access.log-20260101.gz", "access.log"),
        ("access.log-2026-01-01", "access.log"),
        ("access.log-1767225600", "access.log"),
        ("access.log-20260101.1.gz", "access.log"),
        ("access.log.old", "access.log"),
        ("access-20260101.log", "access.log"),
        ("web1.log", "web1.log"),
        ("web.1.log", "web.1.log"),
        ("server-2", "server-2"),
        ("messages.jsonl.gz", "messages.jsonl"),
        (".gz", ".gz"),
        ("1", "1"),
    ],
)
def test_rotated_files_are_one_log(name: str, log: str) -> None:
    assert log_name(f"/var/log/x/../{name}") == f"/var/log/{log}"


def test_the_topic() -> None:
    assert event(COMBINED).topic == HTTP
