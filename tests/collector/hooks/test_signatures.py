"""Signatures of webhooks, made here as the senders' documentation says."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from hubbub.collector.hooks.signatures import KINDS, TOLERANCE, problem, signing_key

NOW = 1_796_000_000.0
BODY = b'{"action": "opened"}'


def hexdigest(secret: str, body: bytes = BODY) -> str:
    return hmac.new(secret.encode(), body, "sha256").hexdigest()


def standard(secret: str, id_: str, timestamp: str, body: bytes = BODY) -> str:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.new(key, f"{id_}.{timestamp}.".encode() + body, hashlib.sha256)
    return "v1," + base64.b64encode(mac.digest()).decode()


WHSEC = "whsec_" + base64.b64encode(bytes(range(32))).decode()


def signed(id_="msg_1", timestamp=str(int(NOW)), secret=WHSEC, **changes: str) -> dict[str, str]:
    return {
        "webhook-id": id_,
        "webhook-timestamp": timestamp,
        "webhook-signature": standard(secret, id_, timestamp),
        **changes,
    }


def test_githubs_documented_example():
    value = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    headers, secret = {"x-hub-signature-256": value}, "It's a Secret to Everybody"
    assert problem("github", [secret], headers, b"Hello, World!", NOW) is None
    assert problem("github", [secret], headers, b"Hello, World?", NOW) == "bad-signature"


@pytest.mark.parametrize(
    ("kind", "header", "prefix"),
    [
        ("github", "x-hub-signature-256", "sha256="),
        ("forgejo", "x-forgejo-signature", ""),
        ("forgejo", "x-gitea-signature", ""),
        ("discourse", "x-discourse-event-signature", "sha256="),
        ("generic", "x-hub-signature-256", "sha256="),
        ("generic", "x-hub-signature-256", ""),
    ],
)
def test_hmac_in_hex(kind, header, prefix):
    good = {header: prefix + hexdigest("secret")}
    assert problem(kind, ["secret"], good, BODY, NOW) is None
    assert problem(kind, ["old", "secret"], good, BODY, NOW) is None
    assert problem(kind, ["secret"], good, BODY + b" ", NOW) == "bad-signature"
    assert problem(kind, ["other"], good, BODY, NOW) == "bad-signature"
    assert problem(kind, ["secret"], {}, BODY, NOW) == "missing-signature"
    for value in ("", prefix, "sha256=", "ü", "sha1=" + hexdigest("secret"), prefix + "00"):
        assert problem(kind, ["secret"], {header: value}, BODY, NOW) == "bad-signature"


def test_the_form_of_each_sender():
    digest = hexdigest("s")
    assert problem("github", ["s"], {"x-hub-signature-256": digest}, BODY, NOW) == "bad-signature"
    bare = {"x-forgejo-signature": "sha256=" + digest}
    assert problem("forgejo", ["s"], bare, BODY, NOW) == "bad-signature"
    sha1 = {"x-hub-signature": "sha1=" + hmac.new(b"s", BODY, "sha1").hexdigest()}
    assert problem("github", ["s"], sha1, BODY, NOW) == "missing-signature"


def test_a_wrong_signature_of_forgejo_is_not_saved_by_gitea():
    headers = {"x-forgejo-signature": "0" * 64, "x-gitea-signature": hexdigest("s")}
    assert problem("forgejo", ["s"], headers, BODY, NOW) == "bad-signature"


def test_another_header_of_a_generic_sender():
    headers = {"x-sum": hexdigest("s")}
    assert problem("generic", ["s"], headers, BODY, NOW, header="X-Sum") is None
    assert problem("generic", ["s"], headers, BODY, NOW) == "missing-signature"


@pytest.mark.parametrize("kind", ["gitlab", "generic"])
def test_signed_with_a_timestamp(kind):
    assert problem(kind, [WHSEC], signed(), BODY, NOW) is None
    assert problem(kind, [WHSEC], signed(), BODY + b" ", NOW) == "bad-signature"
    for other in ({"webhook-id": "msg_2"}, {"webhook-timestamp": str(int(NOW) + 1)}):
        assert problem(kind, [WHSEC], signed(**other), BODY, NOW) == "bad-signature"
    both = "v1,AAAA v2,x " + standard(WHSEC, "msg_1", str(int(NOW)))
    assert problem(kind, [WHSEC], signed(**{"webhook-signature": both}), BODY, NOW) is None


def test_an_old_delivery_is_refused():
    for offset in (-TOLERANCE - 1, TOLERANCE + 1):
        old = signed(timestamp=str(int(NOW + offset)))
        assert problem("gitlab", [WHSEC], old, BODY, NOW) == "stale-signature"
    for offset in (-TOLERANCE, TOLERANCE):
        recent = signed(timestamp=str(int(NOW + offset)))
        assert problem("gitlab", [WHSEC], recent, BODY, NOW) is None


@pytest.mark.parametrize("value", ["", "v1", "v1,", "v2,x", "sha256=00", ",", "v1,ü", "v1, " * 99])
def test_signatures_that_are_none(value):
    headers = signed(**{"webhook-signature": value})
    assert problem("gitlab", [WHSEC], headers, BODY, NOW) == "bad-signature"


@pytest.mark.parametrize("value", ["x", "1e9", "-1", "1" * 40, "\uff11", "1.5"])
def test_timestamps_that_are_none(value):
    headers = signed(**{"webhook-timestamp": value})
    assert problem("gitlab", [WHSEC], headers, BODY, NOW) == "bad-signature"


@pytest.mark.parametrize("absent", ["webhook-id", "webhook-timestamp"])
def test_parts_that_are_missing(absent):
    headers = signed()
    del headers[absent]
    assert problem("gitlab", [WHSEC], headers, BODY, NOW) == "missing-signature"


def test_gitlabs_secret_token():
    assert problem("gitlab", ["tok"], {"x-gitlab-token": "tok"}, BODY, NOW) is None
    assert problem("gitlab", ["tok"], {"x-gitlab-token": "toc"}, BODY, NOW) == "bad-signature"
    assert problem("gitlab", ["tok"], {}, BODY, NOW) == "missing-signature"


def test_a_signing_key_is_not_a_token():
    assert problem("gitlab", [WHSEC], {"x-gitlab-token": WHSEC}, BODY, NOW) == "bad-signature"


def test_a_wrong_signature_is_not_saved_by_the_token():
    headers = {**signed(**{"webhook-signature": "v1,AAAA"}), "x-gitlab-token": "tok"}
    assert problem("gitlab", ["tok", WHSEC], headers, BODY, NOW) == "bad-signature"


def test_without_secrets_nothing_is_signed():
    digest = hexdigest("")
    headers = {
        "x-hub-signature-256": "sha256=" + digest,
        "x-forgejo-signature": digest,
        "x-discourse-event-signature": "sha256=" + digest,
        "x-gitlab-token": "",
    }
    for kind in KINDS:
        assert problem(kind, [], headers, BODY, NOW) == "bad-signature"


def test_keys():
    assert signing_key("abc") == b"abc"
    assert signing_key("whsec_YWJj") == b"abc"
    assert signing_key("whsec_YWI") == b"ab"
    with pytest.raises(ValueError, match="base64"):
        signing_key("whsec_*")
