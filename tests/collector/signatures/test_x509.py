"""Signatures: real frames, the verdicts of the real fedmsg, and cases that these do not cover."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from hubbub.collector.signatures import x509 as signatures
from hubbub.collector.signatures.x509 import REASONS, Trust, canonical, check, load_trust
from hubbub.errors import UsageError
from tests.support import paths

CAPTURES = paths.CAPTURES
PKI = CAPTURES / "pki"
POLICY = {"org.fedoraproject.dev.lab.guarded": ["lab-host.example.org"]}
NOW = datetime(2026, 11, 21, 22, tzinfo=UTC)


def pki(name: str) -> bytes:
    return (PKI / name).read_bytes()


SETTINGS = {
    "crl": Trust(pki("ca.crt"), pki("crl.pem"), POLICY),
    "nocrl": Trust(pki("ca.crt"), None, POLICY),
    "nitpicky": Trust(pki("ca.crt"), pki("crl.pem"), POLICY, nitpicky=True),
    "crl_expired": Trust(pki("ca.crt"), pki("crl-expired.pem"), POLICY),
    "crl_foreign": Trust(pki("ca.crt"), pki("crl-foreign.pem"), POLICY),
}


def frames(file: str, line: int) -> tuple[bytes, bytes]:
    text = (CAPTURES / file).read_text().splitlines()[line]
    topic, body, *_ = (base64.b64decode(part) for part in json.loads(text)["frames"])
    return topic, body


def verdicts():
    for text in (CAPTURES / "fedmsg-verdicts.jsonl").read_text().splitlines():
        row = json.loads(text)
        if isinstance(row["fedmsg"], dict):
            yield pytest.param(row, id=f"{row['file']}-{row['line']}")


@pytest.mark.parametrize("row", list(verdicts()))
def test_agrees_with_the_real_fedmsg_in_every_setting(row):
    topic, body = frames(row["file"], row["line"])
    for setting, verdict in row["fedmsg"].items():
        reason = check(topic, body, SETTINGS[setting], now=NOW)
        # "raises" means that the real fedmsg crashes; here the message is refused with a reason
        assert (reason is None) == (verdict is True), (setting, reason)
        assert reason is None or reason in REASONS


@pytest.mark.parametrize(
    ("file", "line", "setting", "reason"),
    [
        ("fedmsg-null-body.jsonl", 0, "crl", "not-an-object"),
        ("fedmsg-signed-bad.jsonl", 0, "crl", "revoked"),
        ("fedmsg-signed-bad.jsonl", 1, "crl", "expired"),
        ("fedmsg-signed-bad.jsonl", 2, "crl", "untrusted"),
        ("fedmsg-signed-lab.jsonl", 0, "nitpicky", "not-permitted"),
        ("fedmsg-signed-lab.jsonl", 0, "crl_expired", "crl-expired"),
        ("fedmsg-signed-lab.jsonl", 0, "crl_foreign", "crl-untrusted"),
        ("fedmsg-signed-shell.jsonl", 10, "crl", "not-permitted"),
        ("fedmsg-tampered.jsonl", 1, "crl", "bad-signature"),
        ("fedmsg-tampered.jsonl", 3, "crl", "topic-mismatch"),
        ("fedmsg-tampered.jsonl", 4, "crl", "bad-signature"),
        ("fedmsg-tampered.jsonl", 5, "crl", "unknown-crypto"),
        ("fedmsg-tampered.jsonl", 6, "crl", "bad-signature"),
        ("fedmsg-tampered.jsonl", 7, "crl", "bad-certificate"),
        ("fedmsg-tampered.jsonl", 8, "crl", "unsigned"),
        ("fedmsg-tampered.jsonl", 9, "crl", "not-an-object"),
        ("fedmsg-tampered.jsonl", 10, "crl", "not-utf8"),
        ("fedmsg-unsigned.jsonl", 0, "crl", "unsigned"),
    ],
)
def test_reasons(file, line, setting, reason):
    topic, body = frames(file, line)
    assert check(topic, body, SETTINGS[setting], now=NOW) == reason


def test_a_revocation_list_with_a_forged_issuer_is_not_trusted():
    ca = x509.load_pem_x509_certificate(pki("ca.crt"))
    forged = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(ca.subject)
        .last_update(NOW - timedelta(days=1))
        .next_update(NOW + timedelta(days=1))
        .sign(rsa.generate_private_key(65537, 2048), hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    topic, body = frames("fedmsg-signed-lab.jsonl", 0)
    assert check(topic, body, Trust(pki("ca.crt"), forged), now=NOW) == "crl-untrusted"


def test_dates_are_checked_at_the_given_time_despite_the_cache():
    topic, body = frames("fedmsg-signed-lab.jsonl", 0)
    trust = SETTINGS["crl"]
    assert check(topic, body, trust, now=NOW) is None
    assert check(topic, body, trust, now=datetime(2019, 12, 31, tzinfo=UTC)) == "expired"
    assert check(topic, body, trust, now=datetime(2060, 1, 1, tzinfo=UTC)) == "expired"
    assert check(topic, body, trust, now=NOW) is None


def test_only_certificates_of_trusted_cas_are_accepted():
    other = Trust(pki("otherca.crt"))
    assert check(*frames("fedmsg-signed-bad.jsonl", 2), other, now=NOW) is None
    assert check(*frames("fedmsg-signed-lab.jsonl", 0), other, now=NOW) == "untrusted"
    both = Trust(pki("ca.crt") + pki("otherca.crt"))
    assert check(*frames("fedmsg-signed-lab.jsonl", 0), both, now=NOW) is None


def test_another_valid_certificate_does_not_match_the_signature():
    topic, body = frames("fedmsg-signed-lab.jsonl", 10)
    message = json.loads(body)
    shell = json.loads(frames("fedmsg-signed-shell.jsonl", 10)[1])
    message["certificate"] = shell["certificate"]
    assert check(topic, json.dumps(message).encode(), SETTINGS["crl"], now=NOW) == "bad-signature"


@pytest.mark.parametrize("value", [7, [], {}, True, "", "é", "====", "\ud800"])
@pytest.mark.parametrize("key", ["signature", "certificate"])
def test_malformed_credentials_are_refused(key, value):
    topic, body = frames("fedmsg-signed-lab.jsonl", 0)
    message = json.loads(body) | {key: value}
    reason = check(topic, json.dumps(message).encode(), SETTINGS["crl"], now=NOW)
    assert reason in ("bad-signature", "bad-certificate")


def test_newlines_in_the_credentials_do_not_matter():
    topic, body = frames("fedmsg-signed-lab.jsonl", 0)
    message = json.loads(body)
    for key in ("signature", "certificate"):
        message[key] = message[key].replace("\n", "")
    assert check(topic, json.dumps(message).encode(), SETTINGS["crl"], now=NOW) is None


def test_canonical():
    message = {
        "b": [1, 1.0, 2**70],
        "a": "é\ud800",
        "signature": "s",
        "certificate": "c",
        "n": None,
    }
    assert canonical(message) == (
        rb'{"a":"\u00e9\ud800","b":[1,1.0,1180591620717411303424],"n":null}'
    )


def test_certificates_are_cached():
    signatures._certificate.cache_clear()
    for line in range(9):
        assert check(*frames("fedmsg-signed-lab.jsonl", line), SETTINGS["crl"], now=NOW) is None
    assert signatures._certificate.cache_info().misses == 1


def test_certificates_that_are_cached_are_short():
    """A sender may add what base64 ignores, and so make as many keys of the cache as it likes."""
    signatures._certificate.cache_clear()
    topic, body = frames("fedmsg-signed-lab.jsonl", 0)
    message = json.loads(body)
    for added in (0, 9_000, 20_000, 4_000_000):
        longer = message | {"certificate": message["certificate"] + "!" * added}
        assert check(topic, json.dumps(longer).encode(), SETTINGS["crl"], now=NOW) is None
    info = signatures._certificate.cache_info()
    assert info.misses == 3, "no key is longer than a certificate can be"
    assert info.maxsize is not None
    assert info.maxsize * signatures._MAX_CERTIFICATE < 20 << 20


def test_invalid_trust_settings(tmp_path):
    with pytest.raises(UsageError, match="CA is not a PEM"):
        Trust(b"nonsense")
    with pytest.raises(UsageError, match="revocation list"):
        Trust(pki("ca.crt"), b"nonsense")
    policy = tmp_path / "policy.toml"
    policy.write_text('"a.b" = 7\n')
    with pytest.raises(UsageError, match="not a table of lists"):
        load_trust(PKI / "ca.crt", None, policy)
    with pytest.raises(UsageError, match=r"missing\.pem"):
        load_trust(PKI / "ca.crt", tmp_path / "missing.pem")
    with pytest.raises(UsageError, match=r"policy\.toml: the CA is not a PEM"):
        load_trust(policy)
    with pytest.raises(UsageError, match=r"policy\.toml: the revocation list is not PEM"):
        load_trust(PKI / "ca.crt", policy)


def test_trust_from_files(tmp_path):
    policy = tmp_path / "policy.toml"
    policy.write_text('"org.fedoraproject.dev.lab.guarded" = ["lab-host.example.org"]\n')
    trust = load_trust(PKI / "ca.crt", PKI / "crl.pem", policy, nitpicky=True)
    assert check(*frames("fedmsg-signed-lab.jsonl", 10), trust, now=NOW) is None
    assert check(*frames("fedmsg-signed-lab.jsonl", 0), trust, now=NOW) == "not-permitted"


@pytest.mark.parametrize(
    ("topic", "name", "nitpicky", "permitted"),
    [
        ("org.example.prod.git.receive", "host", False, True),
        ("org.example.prod.git.receive", "other", False, False),
        ("org.example.prod.git.receive.x", "other", False, False),
        ("org.example.prod.git.receive.rpms.vim.main", "other", False, False),
        ("org.example.prod.git.receive.x", "host", True, True),
        ("org.example.prod.git.receive.own.x", "own", False, True),
        ("org.example.prod.git.receive.own.x", "host", False, False),
        ("org.example.prod.git.received", "other", False, True),
        ("org.example.stg.git.receive", "other", False, True),
        ("org.example.stg.git.receive", "host", True, False),
        ("org.example.prod.git", "other", True, False),
        ("org.example.prod.git.receive.", "other", False, False),
    ],
)
def test_a_policy_covers_its_topic_and_those_below_it(topic, name, nitpicky, permitted):
    policy = {"org.example.prod.git.receive": ["host"], "org.example.prod.git.receive.own": ["own"]}
    trust = Trust(pki("ca.crt"), None, policy, nitpicky)
    assert signatures._permitted(topic, name, trust) is permitted
