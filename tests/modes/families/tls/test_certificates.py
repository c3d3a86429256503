"""Certificates: the reason for which OpenSSL refuses each faulty one, and the control that every client accepts."""

from __future__ import annotations

import ssl
import warnings

import pytest
from cryptography import x509

from hamms_trio import HammsServer
from hamms_trio.canary import examine
from hamms_trio.modes import CATALOGUE, FailureMode
from hamms_trio.modes.model.expectation import Outcome
from hamms_trio.pki.authority import Authority
from hamms_trio.pki.contexts import Contexts
from hamms_trio.pki.mint import Mint
from hamms_trio.pki.recipes import HEALTHY_CHAIN
from hamms_trio.pki.terms import Terms
from tests.clients import tls
from tests.pki.handshake import verify_code

# The codes of OpenSSL's x509_vfy.h; two where the numbers changed between versions.
EXPIRED, NOT_YET_VALID = {10}, {9}
SELF_SIGNED, NO_ISSUER = {18}, {20}
NOT_AN_AUTHORITY, PATH_TOO_LONG = {24, 79, 32}, {25}
WRONG_PURPOSE, UNKNOWN_EXTENSION = {26}, {34}
NOT_PERMITTED, EXCLUDED = {47}, {48}
WRONG_HOST = {62}
WEAK_KEY, WEAK_DIGEST = {66, 67}, {68}
ACCEPTED: set[int] = set()

CODES: dict[str, set[int]] = {
    "tls-expired": EXPIRED,
    "tls-not-yet-valid": NOT_YET_VALID,
    "tls-self-signed": SELF_SIGNED,
    "tls-untrusted-root": NO_ISSUER,
    "tls-incomplete-chain": NO_ISSUER,
    "tls-reversed-chain": ACCEPTED,
    "tls-extra-certs": ACCEPTED,
    "tls-expired-intermediate": EXPIRED,
    "tls-expired-cross-sign": ACCEPTED,
    "tls-untrusted-cross-sign": NO_ISSUER,  # OpenSSL does not look for another path here
    "tls-issuer-not-ca": NOT_AN_AUTHORITY,
    "tls-no-basic-constraints": NOT_AN_AUTHORITY,
    "tls-pathlen": PATH_TOO_LONG,
    "tls-server-is-ca": ACCEPTED,
    "tls-pathlen-increases": ACCEPTED,
    "tls-validity-10y": ACCEPTED,
    "tls-serial-edge": ACCEPTED,
    "tls-cert-v1": ACCEPTED,  # as with tls-no-san
    "tls-wrong-host": WRONG_HOST,
    "tls-no-san": ACCEPTED,  # Python falls back to the common name
    "tls-no-common-name": ACCEPTED,
    "tls-no-subject": ACCEPTED,
    "tls-san-edge": WRONG_HOST,
    "tls-san-trailing-dot": WRONG_HOST,
    "tls-san-other-address": WRONG_HOST,
    "tls-address-in-cn": WRONG_HOST,
    "tls-san-idn-wildcard": WRONG_HOST,
    "tls-san-wildcard-across": WRONG_HOST,
    "tls-san-idn": ACCEPTED,
    "tls-name-constraints": NOT_PERMITTED,
    "tls-name-constraints-excluded": EXCLUDED,
    "tls-name-constraints-address": NOT_PERMITTED,
    "tls-name-constraints-cn": WRONG_HOST,
    "tls-name-constraints-widened": NOT_PERMITTED,
    "tls-keyusage": WRONG_PURPOSE,
    "tls-issuer-may-not-sign": NOT_AN_AUTHORITY,
    "tls-eku-client-only": WRONG_PURPOSE,
    "tls-eku-any": WRONG_PURPOSE,
    "tls-eku-absent": ACCEPTED,
    "tls-eku-of-issuer": WRONG_PURPOSE,
    "tls-critical-unknown-ext": UNKNOWN_EXTENSION,
    "tls-critical-unknown-ext-issuer": UNKNOWN_EXTENSION,
    "tls-revoked": ACCEPTED,  # OpenSSL does not ask by itself
    "tls-sig-sha1": WEAK_DIGEST,
    "tls-sig-md5": WEAK_DIGEST,
    "tls-rsa-1024": WEAK_KEY,
    "tls-rsa-512": WEAK_KEY,
    "tls-rsa-8192": ACCEPTED,
    "tls-ecc256": ACCEPTED,
    "tls-ecc384": ACCEPTED,
    "tls-ed25519": ACCEPTED,
    "tls-san-1000": ACCEPTED,
}
TOO_LARGE = ("tls-san-10000", "tls-huge-chain")
TLS_MODES = [mode for mode in CATALOGUE.values() if mode.control]
OF_CHAINS = [
    mode for mode in TLS_MODES if mode.terms is not None and mode.terms().chain is not HEALTHY_CHAIN
]


@pytest.fixture(scope="module")
def contexts() -> Contexts:
    """Contexts below a root without constraints, so that names alone decide."""
    return Contexts(Mint(Authority(is_constrained=False)))


@pytest.mark.parametrize("slug", CODES)
def test_openssl_refuses_a_faulty_certificate_for_its_one_fault(
    contexts: Contexts, slug: str
) -> None:
    make = CATALOGUE[slug].terms
    assert make is not None

    assert {verify_code(contexts, make())} <= (CODES[slug] or {0})


def test_every_certificate_mode_is_in_the_table() -> None:
    assert {mode.slug for mode in OF_CHAINS} - {*TOO_LARGE, "tls-static-rsa", "tls-dh"} <= {*CODES}


@pytest.mark.parametrize("mode", OF_CHAINS, ids=lambda mode: mode.slug)
def test_the_control_differs_from_the_fault_and_is_accepted(
    contexts: Contexts, mode: FailureMode
) -> None:
    assert mode.terms is not None

    assert verify_code(contexts, mode.mended) == 0
    if mode.client.outcome is Outcome.ERROR:
        assert mode.mended != mode.terms()


@pytest.mark.parametrize("slug", TOO_LARGE)
def test_a_certificate_beyond_100_kb_is_refused_by_openssl(contexts: Contexts, slug: str) -> None:
    make = CATALOGUE[slug].terms
    assert make is not None

    with pytest.raises(ssl.SSLError, match=r"(?i)excessive.message.size"):
        verify_code(contexts, make())


def edges() -> list[str]:
    (case,) = CATALOGUE["tls-san-edge"].parameters
    return [str(each) for each in case.domain.describe()["choices"]]  # type: ignore[attr-defined]


@pytest.mark.parametrize("host", ["localhost", "tls-san-edge.hamms.localhost", "127.0.0.1"])
@pytest.mark.parametrize("case", edges())
def test_no_edge_of_a_name_is_taken_for_the_host(contexts: Contexts, case: str, host: str) -> None:
    make = CATALOGUE["tls-san-edge"].terms
    assert make is not None

    assert verify_code(contexts, make(case=case), host) in (62, 64)


@pytest.mark.parametrize(
    ("slug", "host", "code"),
    [
        ("tls-ecc256", "a.hamms.localhost", 0),
        ("tls-ecc256", "b.a.hamms.localhost", 62),
        ("tls-san-wildcard-across", "a.hamms.localhost", 62),
        ("tls-san-idn", "xn--bcher-kva.localhost", 0),
    ],
)
def test_a_wildcard_stands_for_one_label(
    contexts: Contexts, slug: str, host: str, code: int
) -> None:
    make = CATALOGUE[slug].terms
    assert make is not None

    assert verify_code(contexts, make(), host) == code


@pytest.mark.parametrize(("case", "serial"), [("zero", 0), ("negative", -1), ("long", None)])
def test_a_serial_number_is_what_no_library_makes(
    contexts: Contexts, case: str, serial: int | None
) -> None:
    make = CATALOGUE["tls-serial-edge"].terms
    assert make is not None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        number = contexts.mint.certificate(make(case=case).chain[0]).serial_number

    assert number == serial or (serial is None and number.bit_length() > 160)


def test_a_certificate_of_version_1_has_no_extensions(contexts: Contexts) -> None:
    make = CATALOGUE["tls-cert-v1"].terms
    assert make is not None
    certificate = contexts.mint.certificate(make().chain[0])

    assert certificate.version is x509.Version.v1
    assert not list(certificate.extensions)


def test_a_constraint_on_hosts_holds_for_a_common_name(contexts: Contexts) -> None:
    make = CATALOGUE["tls-name-constraints-cn"].terms
    assert make is not None

    assert verify_code(contexts, make(), "tls-name-constraints-cn.hamms.localhost") in NOT_PERMITTED


@pytest.mark.parametrize("mode", TLS_MODES, ids=lambda mode: mode.slug)
def test_a_client_accepts_the_control_of_every_mode(
    server: HammsServer, trusts: ssl.SSLContext, mode: FailureMode
) -> None:
    with server.open(mode.slug, share=0) as door:
        message = tls.get(door.address, trusts)

    assert message.status == 200
    assert examine(message.body, nonce=message.fields["x-hamms-nonce"]).is_exact
    (connection,) = server.ledger.connections(door.name)
    assert not connection.struck


def test_terms_of_one_kind_share_a_context(contexts: Contexts) -> None:
    assert contexts.context(Terms()) is contexts.context(Terms())
