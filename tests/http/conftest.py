"""Servers of this test's routes, and certificates for tests over TLS."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from functools import partial

import pytest

from hamms_trio.certificates import ServerCertificate
from hamms_trio.http import Router
from hamms_trio.http.resources.basics import add_basics
from hamms_trio.pki.folder import Certificates, throwaway_certificates
from tests.http.server import Serve, serving


@pytest.fixture
def serve(hub_kind: str) -> Serve:
    return partial(serving, hub=hub_kind)


@pytest.fixture
def router() -> Router:
    router = Router()
    add_basics(router)
    return router


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
