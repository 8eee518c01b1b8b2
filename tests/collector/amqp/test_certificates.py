"""Certificates of AMQP brokers: found, valid now, and belonging together."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hubbub.collector.amqp.certificates import (
    expires,
    find_fedora_certificates,
    tls_context,
)
from hubbub.collector.amqp.settings import BUSES, parse_address
from hubbub.errors import HubbubError, SourceError, UsageError
from tests.support.bus.certificates import make_certificate
from tests.support.paths import TESTS

FEDORA = BUSES["fedora"]
TLS = TESTS / "integration" / "peers" / "fedora_messaging" / "tls.py"


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pki")
    subprocess.run([sys.executable, TLS, folder], check=True)
    return folder


def installed(folder: Path, pki: Path) -> Path:
    """Lay out the files as Fedora's package does."""
    folder.mkdir()
    (folder / "cacert.pem").write_bytes((pki / "ca.crt").read_bytes())
    (folder / "fedora-cert.pem").write_bytes((pki / "client.crt").read_bytes())
    (folder / "fedora-key.pem").write_bytes((pki / "client.key").read_bytes())
    return folder


def test_the_files_of_fedoras_package_are_found(tmp_path: Path, pki: Path) -> None:
    folder = installed(tmp_path / "etc", pki)
    settings = find_fedora_certificates(FEDORA, folder=folder, environ={})
    assert settings.ca == folder / "cacert.pem"
    assert settings.certificate == folder / "fedora-cert.pem"
    assert settings.key == folder / "fedora-key.pem"
    tls_context(settings)


def test_options_come_before_the_environment_and_that_before_the_package(
    tmp_path: Path, pki: Path
) -> None:
    folder = installed(tmp_path / "etc", pki)
    configured = tmp_path / "fm.toml"
    configured.write_text(f'[tls]\nca_cert = "{pki}/ca.crt"\nkeyfile = "{pki}/client.key"\n')
    environ = {"FEDORA_MESSAGING_CONF": str(configured)}
    given = replace(FEDORA, key=pki / "server.key")
    settings = find_fedora_certificates(given, folder=folder, environ=environ)
    assert settings.key == pki / "server.key"
    assert settings.ca == pki / "ca.crt"
    assert settings.certificate == folder / "fedora-cert.pem"


def test_where_none_are_found_it_says_where_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=str(tmp_path / "cacert.pem")) as raised:
        find_fedora_certificates(FEDORA, folder=tmp_path, environ={})
    assert "fedora-messaging" in raised.value.hint
    assert "--amqp-cert" in raised.value.hint


def settings_with(ca: Path, certificate: Path, key: Path):
    address = parse_address("amqps://localhost/")
    return replace(address, ca=ca, certificate=certificate, key=key)


@pytest.mark.parametrize(
    ("days", "what"), [((-9, -2), "expired on"), ((2, 9), "is valid from .* on, and it is")]
)
def test_a_certificate_that_is_not_valid_now(
    tmp_path: Path, pki: Path, days: tuple[float, float], what: str
) -> None:
    certificate, key = make_certificate(tmp_path / "leaf", pki, days=days)
    with pytest.raises(SourceError, match=what):
        tls_context(settings_with(pki / "ca.crt", certificate, key))


def test_when_the_first_certificate_expires(tmp_path: Path, pki: Path) -> None:
    certificate, key = make_certificate(tmp_path / "leaf", pki, days=(-1, 30))
    last = expires(settings_with(pki / "ca.crt", certificate, key))
    assert last is not None
    assert abs(last - datetime.now(UTC) - timedelta(days=30)) < timedelta(minutes=1)
    assert expires(parse_address("amqps://h")) is None
    assert expires(replace(parse_address("amqp://h"), certificate=certificate)) is None


def test_files_that_cannot_be_used(tmp_path: Path, pki: Path) -> None:
    good = settings_with(pki / "ca.crt", pki / "client.crt", pki / "client.key")
    tls_context(good)
    text = tmp_path / "text.pem"
    text.write_text("hello")
    missing = tmp_path / "none.pem"
    wrong = [
        replace(good, ca=text), replace(good, ca=missing), replace(good, certificate=text),
        replace(good, certificate=missing), replace(good, key=pki / "server.key"),
        replace(good, key=missing),
    ]  # fmt: skip
    for settings in wrong:
        with pytest.raises(HubbubError) as raised:
            tls_context(settings)
        assert raised.value.where
