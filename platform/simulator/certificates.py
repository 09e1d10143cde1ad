"""Certificates for the simulator over TLS, from an authority of its own that is made anew at each start.

private       the right names, and an authority that nobody trusts who was not given its certificate
expired       the same, and over since yesterday
other_host    the same, for another name
"""

from __future__ import annotations

import ssl
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Tls = Literal["private", "expired", "other_host"]
TLS_HELP = "https, with a certificate of an authority of its own (GET /_sim/ca.pem); which one"

HOSTS: tuple[x509.GeneralName, ...] = (
    x509.DNSName("localhost"),
    x509.IPAddress(ip_address("127.0.0.1")),
    x509.IPAddress(ip_address("::1")),
)
OTHER_HOST = (x509.DNSName("elsewhere.example"),)
CA_USAGE = x509.KeyUsage(
    digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
    key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
)  # fmt: skip
NAME = "Simulator's own authority"
DAY = timedelta(days=1)
PEM = serialization.Encoding.PEM


@dataclass(frozen=True)
class Authority:
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    certificate: x509.Certificate = field(init=False)

    def __post_init__(self) -> None:
        extensions = [x509.BasicConstraints(ca=True, path_length=0), CA_USAGE]
        made = _signed(NAME, self.key, self.key, extensions)
        object.__setattr__(self, "certificate", made)

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(PEM).decode()

    def context(self, tls: Tls) -> ssl.SSLContext:
        """For a server that shows such a certificate."""
        key = ec.generate_private_key(ec.SECP256R1())
        extensions = [
            x509.BasicConstraints(ca=False, path_length=None),
            x509.SubjectAlternativeName(OTHER_HOST if tls == "other_host" else HOSTS),
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()),
        ]
        until = -DAY if tls == "expired" else DAY
        made = _signed("Simulator", key, self.key, extensions, until)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        private = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        with tempfile.NamedTemporaryFile(prefix="simulator-", suffix=".pem") as file:  # ssl reads files alone
            Path(file.name).write_bytes(private + made.public_bytes(PEM))
            context.load_cert_chain(file.name)
        return context


def _signed(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    extensions: list[x509.ExtensionType],
    until: timedelta = DAY * 365,
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named(NAME))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 3 * DAY)
        .not_valid_after(now + until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    for extension in extensions:
        critical = isinstance(extension, x509.BasicConstraints | x509.KeyUsage)
        builder = builder.add_extension(extension, critical)
    return builder.sign(issuer_key, hashes.SHA256())


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
