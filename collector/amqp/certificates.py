"""TLS for AMQP: find the certificates of Fedora's public bus, and check their validity.

fedora-messaging's package installs a CA and a public client certificate into
/etc/fedora-messaging; the file that $FEDORA_MESSAGING_CONF names may have others.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from hubbub.collector.amqp.configuration import read_configuration
from hubbub.collector.amqp.settings import Certificates, Settings, with_certificates
from hubbub.errors import SourceError, UsageError

__all__ = ["expires", "find_fedora_certificates", "tls_context"]

FEDORA_FOLDER = Path("/etc/fedora-messaging")
_CA, _CERTIFICATE, _KEY = "cacert.pem", "fedora-cert.pem", "fedora-key.pem"
_MISSING = (
    "install the package fedora-messaging (dnf or apt), or copy cacert.pem, fedora-cert.pem and "
    "fedora-key.pem from configs/ of its source package, and name them with --amqp-ca, --amqp-cert "
    "and --amqp-key; they are public"
)


def find_fedora_certificates(
    settings: Settings,
    *,
    folder: Path = FEDORA_FOLDER,
    environ: Mapping[str, str] = os.environ,
) -> Settings:
    """Complete the settings with the CA and client certificate of Fedora's public bus.

    Args:
        settings: files that it names already are kept.
        folder: where the package installs them.
        environ: may contain FEDORA_MESSAGING_CONF.

    Raises:
        UsageError: one of them was not found.
    """
    choices: list[Settings | Certificates] = [settings]
    if configured := environ.get("FEDORA_MESSAGING_CONF"):
        choices.append(read_configuration(Path(configured)))
    choices.append(Certificates(folder / _CA, folder / _CERTIFICATE, folder / _KEY))
    settings = with_certificates(settings, *choices)
    for path in (settings.ca, settings.certificate, settings.key):
        assert path is not None
        if not path.is_file():
            raise UsageError(
                "the certificates of Fedora's public bus are needed, and this one was not found",
                where=str(path),
                hint=_MISSING,
            )
    return settings


def tls_context(settings: Settings, *, now: datetime | None = None) -> ssl.SSLContext:
    """Return the TLS context of a connection; the broker's name and CA are always checked.

    Args:
        settings: with or without a client certificate.
        now: to check the certificates against; the current time by default.

    Raises:
        UsageError: a file cannot be read, or certificate and key do not belong together.
        SourceError: the client certificate or the CA is not valid now.
    """
    now = now or datetime.now(UTC)
    for path, what in _certificates(settings):
        first, last = _validity(path, what)
        if now >= last:
            raise SourceError(
                f"{what} expired on {last:%Y-%m-%d}",
                where=str(path),
                hint="get the current one from the bus's administrators or package",
            )
        if now < first:
            raise SourceError(
                f"{what} is valid from {first:%Y-%m-%d} on, and it is {now:%Y-%m-%d} here",
                where=str(path),
                hint="is this machine's clock right?",
            )
    try:
        context = ssl.create_default_context(cafile=None if settings.ca is None else settings.ca)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            f"cannot use the CA's certificate: {error.strerror or error}", where=str(settings.ca)
        ) from error
    if settings.certificate is None:
        return context
    try:
        context.load_cert_chain(settings.certificate, settings.key)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            f"cannot use the client certificate and its key: {error.strerror or error}",
            where=f"{settings.certificate} and {settings.key or settings.certificate}",
            hint="do the two belong together? a key with a password cannot be used",
        ) from error
    return context


def expires(settings: Settings) -> datetime | None:
    """Return when the first of the configured certificates expires, UTC; None without any.

    Raises:
        UsageError: a file cannot be read.
    """
    return min((_validity(path, what)[1] for path, what in _certificates(settings)), default=None)


def _certificates(settings: Settings) -> Iterator[tuple[Path, str]]:
    if not settings.encrypted:
        return
    if settings.certificate is not None:
        yield settings.certificate, "the client certificate"
    if settings.ca is not None:
        yield settings.ca, "the CA's certificate"


def _validity(path: Path, what: str) -> tuple[datetime, datetime]:
    """Return from when until when the certificates in a file are valid.

    A file may hold several CAs; then it is valid as long as one of them is.
    """
    try:
        certificates = x509.load_pem_x509_certificates(path.read_bytes())
    except OSError as error:
        raise UsageError(f"cannot read {what}: {error.strerror}", where=str(path)) from error
    except ValueError:
        raise UsageError(f"{what} is not a PEM file", where=str(path)) from None
    last = max(certificates, key=lambda certificate: certificate.not_valid_after_utc)
    if what == "the client certificate":
        last = certificates[0]  # the others are its issuers
    return last.not_valid_before_utc, last.not_valid_after_utc
