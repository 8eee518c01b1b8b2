"""Certificates of an existing CA with any validity."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID


def make_certificate(
    folder: Path, ca: Path, *, name: str = "hubbub-lab", days: tuple[float, float] = (-1, 1)
) -> tuple[Path, Path]:
    """Write a certificate and its key; return their paths.

    Args:
        folder: of the files.
        ca: folder of the CA, with ca.crt and ca.key.
        name: common name, and DNS name.
        days: of the validity, from now.
    """
    issuer = x509.load_pem_x509_certificate((ca / "ca.crt").read_bytes())
    issuer_key = serialization.load_pem_private_key((ca / "ca.key").read_bytes(), None)
    assert isinstance(issuer_key, rsa.RSAPrivateKey)
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )
    folder.mkdir(exist_ok=True)
    paths = folder / "leaf.crt", folder / "leaf.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths
