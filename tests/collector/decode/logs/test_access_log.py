"""Parsing and decoding access logs, checked against golden files."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.collector.decode.logs.access_log import ROOT_FILE, parse
from hubbub.collector.event import Event, Frame
from hubbub.collector.files.reader import read, section
from hubbub.collector.people.extract import understand
from hubbub.errors import MessageError
from hubbub.times import iso
from tests.support import paths

GOLDEN = paths.GOLDEN / "statistician"
LINES = json.loads((GOLDEN / "lines.json").read_text())
SECTIONS = json.loads((GOLDEN / "sections.json").read_text())


def parsed(text: str) -> dict[str, object]:
    try:
        line = parse(text)
    except ValueError:
        return {"error": "malformed"}
    if line is None:
        return {"ignored": True}
    return {
        "remote_host": line.host,
        "remote_log_name": line.ident,
        "auth_user": line.user,
        "date": line.date,
        "timestamp": iso(line.when),
        "request": line.request,
        "status": line.status,
        "bytes": line.size,
    }


@pytest.mark.parametrize("case", LINES, ids=lambda case: case["line"][-40:])
def test_golden_lines(case):
    assert parsed(case["line"]) == case["expected"]


def test_golden_log():
    expected = json.loads((GOLDEN / "access.json").read_text())["expected"]
    lines = (GOLDEN / "access.log").read_text().split("\n")[:-1]
    results = [parsed(line) for line in lines]
    numbered = list(enumerate(results, 1))
    assert [n for n, result in numbered if "error" in result] == expected["malformed_lines"]
    ignored = sorted(n for n, result in numbered if "ignored" in result)
    assert ignored == sorted(expected["ignored_lines"])
    assert sum("status" in result for result in results) == expected["accepted"]


@pytest.mark.parametrize("case", SECTIONS, ids=lambda case: case["request"])
def test_golden_sections(case):
    request = case["request"]
    assert section(request) == case["expected_path"]
    assert section(request, root=True) == case["expected_root"]


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ("GET / HTTP/1.1", "/"),
        ("GET //x HTTP/1.1", "/"),
        ("GET /x#y/z HTTP/1.1", "/x"),
        ("GET ?q HTTP/1.1", None),
        ("GET http://site?q=1 HTTP/1.1", "/"),
        ("CONNECT site:443 HTTP/1.1", None),
    ],
)
def test_sections(request_, expected):
    assert section(request_) == expected


TARGETS = st.text("/ab.?#:*%2eE", max_size=10).map(lambda t: f"GET {t} HTTP/1.1")


@given(st.one_of(TARGETS, TARGETS.map(lambda r: r.replace(" ", " http://h", 1))))
def test_root_file_agrees_with_section(request_):
    plain, root = section(request_), section(request_, root=True)
    body = f'1.2.3.4 - - [22/Dec/2015:03:31:01 +0000] "{request_}" 200 1'.encode()
    extra = decode_line(body).extra
    assert extra is not None
    in_root = re.search(ROOT_FILE, extra["request"]) or "root_file" in extra
    assert root == ("/" if in_root and plain else plain)


HEAD = '1.2.3.4 - - [22/Dec/2015:03:31:01 +0000] "GET /x HTTP/1.1" 200'


def test_the_combined_format():
    line = parse(f'{HEAD} 12 "https://example.org/\\"a" "Mozilla/5.0 (X11)"')
    assert line is not None
    assert (line.size, line.referer, line.agent) == (
        12, 'https://example.org/\\"a', "Mozilla/5.0 (X11)",
    )  # fmt: skip
    line = parse(f"{HEAD} -")
    assert line is not None
    assert (line.size, line.referer, line.agent) == (0, None, None)


@pytest.mark.parametrize(
    "text",
    [
        f'{HEAD} 12 "only a referer"',
        f"{HEAD} 12 more",
        f"{HEAD} -1",
        HEAD.replace("200", "20") + " 12",
        HEAD.replace("Dec", "Dez") + " 12",
        HEAD.replace("22/Dec", "30/Feb") + " 12",
        HEAD.replace("03:31", "24:31") + " 12",
        HEAD.replace("+0000", "+0060") + " 12",
        HEAD.replace("+0000", "+2500") + " 12",
        HEAD.replace("2015", "0000") + " 12",
        HEAD.replace("22/Dec/2015", "31/Dec/9999").replace("+0000", "-2300") + " 12",
    ],
)
def test_malformed(text):
    with pytest.raises(ValueError, match=r"form|not a "):
        parse(text)


def test_long_hostile_lines_are_refused_quickly():
    for text in (
        HEAD + ' 1 "' + '\\"' * 200_000,
        "a " * 200_000,
        HEAD + " 1" + " " * 200_000 + "x",
    ):
        with pytest.raises(ValueError, match="form"):
            parse(text)


def decode_line(body: bytes) -> Event:
    return understand(Frame("access-log:x", 0, b"", body, 7))


def test_a_line_as_an_event():
    event = decode_line(HEAD.replace("- - [", "- ana [").encode() + b" 12\r\n")
    assert (event.topic, event.category) == ("http.access", "http.access")
    assert (event.agent, event.users, event.objects) == ("ana", ("ana",), ("/x",))
    assert (event.action, event.size, event.seq) == ("GET", 12, 7)
    assert event.extra == {"host": "1.2.3.0", "status": "200", "request": "GET /x HTTP/1.1"}
    assert iso(event.when) == "2015-12-22T03:31:01Z"


def test_control_characters_are_replaced():
    event = decode_line(HEAD.replace("/x", "/\x1b[31m").encode("latin-1") + b' 1 "\xff" "\x00"')
    assert event.objects == ("/\ufffd[31m",)
    anonymous = decode_line(HEAD.replace("GET /x HTTP/1.1", "-").encode() + b" 0")
    assert (anonymous.agent, anonymous.users, anonymous.objects, anonymous.action) == (
        None,
        (),
        (),
        "-",
    )
    assert decode_line(HEAD.replace("GET /x HTTP/1.1", "").encode() + b" 0").action is None


@pytest.mark.parametrize("size", [str(2**53 + 1), "4611686018427387903", "9" * 23, "9" * 5000])
def test_sizes_that_no_response_has_are_refused(size):
    with pytest.raises(MessageError) as refused:
        understand(Frame("access-log:x", 0, b"", f"{HEAD} {size}".encode()))
    assert refused.value.reason == "bad-size"


def test_the_largest_size():
    line = f"{HEAD} 00000000000000000000000{2**53}"
    assert understand(Frame("access-log:x", 0, b"", line.encode())).size == 2**53


@pytest.mark.parametrize("body", [b"", b"rubbish", HEAD.replace("2015", "1969").encode() + b" 1"])
def test_malformed_lines_are_refused(body):
    with pytest.raises(MessageError) as caught:
        decode_line(body)
    assert caught.value.reason == "malformed"


def test_comments_are_skipped(tmp_path):
    (tmp_path / "log").write_bytes(b"# a comment\n\n  # one more\n" + HEAD.encode() + b" 1\n")
    assert [frame.seq for frame in read(tmp_path / "log", "access-log")] == [4]
