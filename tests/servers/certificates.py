"""Certificates of a test server: an authority of its own, and one certificate for loopback."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

DAYS = timedelta(days=30)


@dataclass(frozen=True)
class Certificates:
    """PEM files in one folder."""

    folder: Path

    @property
    def authority(self) -> Path:
        """What clients trust."""
        return self.folder / "ca.pem"

    @property
    def certificate(self) -> Path:
        """Of ``localhost``, 127.0.0.1 and ::1."""
        return self.folder / "server.pem"

    @property
    def key(self) -> Path:
        """Its private key, mode 600."""
        return self.folder / "server.key"

    def make(self) -> Certificates:
        """Write all three, unless they are there."""
        if not self.certificate.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            signing, own = _new_key(), _new_key()
            root = _signed("stowage test authority", signing, signing, authority=True)
            leaf = _signed("localhost", own, signing, authority=False)
            self.authority.write_bytes(root.public_bytes(serialization.Encoding.PEM))
            self.key.touch(mode=0o600)
            self.key.write_bytes(
                own.private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption(),
                )
            )
            self.certificate.write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
        return self


def _new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _signed(
    name: str, key: ec.EllipticCurvePrivateKey, by: ec.EllipticCurvePrivateKey, *, authority: bool
) -> x509.Certificate:
    now = datetime.now(UTC)
    addresses = [ipaddress.ip_address(each) for each in ("127.0.0.1", "::1")]
    names = [x509.DNSName("localhost"), *map(x509.IPAddress, addresses)]
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name("stowage test authority"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + DAYS)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False
        )
        .sign(by, hashes.SHA256())
    )
