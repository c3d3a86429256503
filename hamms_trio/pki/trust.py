"""Trust in the authority: its root in the formats that clients read, and how to make each client trust it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from pathlib import Path
from shlex import quote

PASSWORD = "changeit"  # Java's own default; a truststore has no secrets
_JAVA = "-Djavax.net.ssl.trustStore={} -Djavax.net.ssl.trustStorePassword=" + PASSWORD
# Variables that name a file in PEM, and the clients that read them.
PEM_VARIABLES = {
    "SSL_CERT_FILE": "OpenSSL, Go, Ruby, Rust with native roots, httpx",
    "CURL_CA_BUNDLE": "curl",
    "REQUESTS_CA_BUNDLE": "requests",
    "NODE_EXTRA_CA_CERTS": "Node, Bun",
    "DENO_CERT": "Deno",
    "GIT_SSL_CAINFO": "git",
    "AWS_CA_BUNDLE": "the AWS tools",
}
JAVA_VARIABLE = "JAVA_TOOL_OPTIONS"


def truststore(root: bytes) -> bytes:
    """Return a truststore in PKCS #12 that has this root, given in PEM, in the form that Java reads.

    Raises:
        ValueError: the root is not in PEM.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
    from cryptography.hazmat.primitives.serialization.pkcs12 import (
        PKCS12Certificate,
        serialize_java_truststore,
    )

    certificate = PKCS12Certificate(x509.load_pem_x509_certificate(root), b"hamms-trio")
    return serialize_java_truststore([certificate], BestAvailableEncryption(PASSWORD.encode()))


def variables(pem: Path, pkcs12: Path) -> Mapping[str, str]:
    """Return the environment in which clients trust the root that these files have."""
    java = _JAVA.format(pkcs12)
    return {**dict.fromkeys(PEM_VARIABLES, str(pem)), JAVA_VARIABLE: java}


def instructions(pem: Path, pkcs12: Path) -> list[tuple[str, str]]:
    """Return how to trust the root of these files: the client, and a line to paste."""
    file = quote(str(pem))
    return [
        ("curl", f"curl --cacert {file} URL"),
        ("requests", f"requests.get(url, verify={str(pem)!r})"),
        ("httpx, ssl", f"ssl.create_default_context(cafile={str(pem)!r})"),
        ("Node", f"NODE_EXTRA_CA_CERTS={file} node PROGRAM"),
        ("Java", f"java {_JAVA.format(quote(str(pkcs12)))} PROGRAM"),
        (
            "Go",
            f"SSL_CERT_FILE={file} go run PROGRAM    # on Linux and BSD; elsewhere RootCAs of tls.Config",
        ),
    ]


def describe(root: bytes) -> str:
    """Describe a root: the end of its validity, and the names that it is for.

    Raises:
        ValueError: the root is not in PEM.
    """
    from cryptography import x509

    certificate = x509.load_pem_x509_certificate(root)
    ends = certificate.not_valid_after_utc.astimezone(UTC)
    constrained = any(each.oid == x509.NameConstraints.oid for each in certificate.extensions)
    names = "localhost and loopback addresses" if constrained else "every name"
    return f"valid until {ends:%Y-%m-%d %H:%M} UTC, for {names}"


def fingerprint(root: bytes) -> str:
    """Return the beginning of the root's SHA-256, which tells roots apart."""
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    return x509.load_pem_x509_certificate(root).fingerprint(SHA256()).hex()[:16]
