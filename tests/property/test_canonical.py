"""Both encoders of signed JSON agree, and changed messages are refused."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hubbub.collector.signatures.canonical_json import canonical, fast_canonical
from hubbub.collector.signatures.x509 import Trust, check, parse
from tests.support import paths
from tests.support.examples import examples

CAPTURES = paths.CAPTURES
NOW = datetime(2026, 11, 21, 22, tzinfo=UTC)
TEXTS = st.text() | st.text(st.characters(max_codepoint=0x7F)) | st.sampled_from(
    ["-1.5", ":1e5", '",1.0,"', "\x7f", "\ud800", "</script>", "\u2028", "null", "NaN"]
)  # fmt: skip
NUMBERS = st.integers() | st.floats() | st.sampled_from([2**64, -(2**63), 1e16, 1e-7, 1e22, -0.0])
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=examples(200))
@given(st.dictionaries(TEXTS, VALUES, max_size=5), st.booleans())
def test_both_encoders_agree(message: dict[str, Any], ascii_only: bool) -> None:
    message["topic"] = "t"
    body = json.dumps(message, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    parsed = parse(None, body)
    if isinstance(parsed, str):
        assert parsed == "not-utf8"
        return
    encode = fast_canonical if parsed.plain else canonical
    assert encode(parsed.message) == canonical(json.loads(body))


@cache
def trust() -> Trust:
    return Trust((CAPTURES / "pki" / "ca.crt").read_bytes())


def signed_message() -> tuple[bytes, dict[str, Any]]:
    line = (CAPTURES / "fedmsg-signed-lab.jsonl").read_text().splitlines()[7]  # has a null
    topic, body = (base64.b64decode(part) for part in json.loads(line)["frames"][:2])
    return topic, json.loads(body)


@settings(max_examples=examples(120))
@given(st.dictionaries(TEXTS, VALUES, max_size=5))
def test_a_changed_payload_is_refused(msg: dict[str, Any]) -> None:
    topic, message = signed_message()
    body = json.dumps(message).encode()
    assert check(topic, body, trust(), now=NOW) is None
    if json.dumps(msg, sort_keys=True) == json.dumps(message["msg"], sort_keys=True):
        return
    body = json.dumps(message | {"msg": msg}).encode("utf-8", "surrogatepass")
    assert check(topic, body, trust(), now=NOW) == "bad-signature"


def test_nan_is_not_accepted_in_place_of_null() -> None:
    topic, message = signed_message()
    assert message["msg"]["n"] is None
    for value in (float("nan"), float("inf")):
        body = json.dumps(message | {"msg": message["msg"] | {"n": value}}).encode()
        assert check(topic, body, trust(), now=NOW) == "bad-signature"
