"""Certificates for tests over TLS."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import pytest

from hamms_trio.certificates import ServerCertificate
from hamms_trio.pki.folder import Certificates, throwaway_certificates


@pytest.fixture(scope="module")
def certificates() -> Iterator[Certificates]:
    with throwaway_certificates() as made:
        yield made


@pytest.fixture
def certificate(certificates: Certificates) -> ServerCertificate:
    return ServerCertificate(certificates.certificate, certificates.key)


@pytest.fixture
def trusting(certificates: Certificates) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificates.authority))
