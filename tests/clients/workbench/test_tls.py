"""TLS with a certificate made at start, and the redirect from plain HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.clients.outcomes import Answer, Failure
from tests.clients.sessions import Session
from tests.clients.workbench.bodies import FAR_ABOVE, FRAMED, LIMIT, body, content, echo
from tests.clients.workbench.server import Connections, served
from tests.http.commands import Running

GREETING = Answer(200, b"Hello World")


@dataclass(frozen=True)
class Secured:
    """A workbench that speaks TLS.

    Attributes:
        plain: the URL of the port that redirects plain HTTP.
    """

    running: Running
    plain: str

    @property
    def url(self) -> str:
        return self.running.url


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    ready = tmp_path_factory.mktemp("ready") / "ready.json"
    options = ["--enable-tls", "--https-port", "0", "--ready-file", str(ready)]
    with served("--no-access-log", *options) as running:
        where = json.loads(ready.read_text())
        yield Secured(running, where["redirect"]["url"])


@pytest.fixture
def trusting(kind: type[Session], secured: Secured) -> Iterator[Session]:
    with kind(authority=secured.running.authority) as session:
        yield session


def test_a_client_that_trusts_the_authority_is_served(trusting: Session, secured: Secured) -> None:
    by_name = secured.url.replace("127.0.0.1", "localhost")

    assert trusting.get(f"{secured.url}/") == GREETING
    assert trusting.get(f"{by_name}/") == GREETING


def test_ten_requests_take_one_handshake(trusting: Session, secured: Secured) -> None:
    connections = Connections(secured.running)

    assert trusting.get_in_a_row([f"{secured.url}/"] * 10) == [GREETING] * 10
    assert connections.opened() <= 1  # fetch may have one already


def test_a_client_rejects_an_authority_it_does_not_trust(
    kind: type[Session], secured: Secured
) -> None:
    with kind() as session:
        assert session.outcome("GET", f"{secured.url}/") is Failure.UNTRUSTED


@pytest.mark.parametrize("framed", FRAMED)
def test_bodies_arrive_intact_over_tls(trusting: Session, secured: Secured, framed: str) -> None:
    for octets in (0, 1, 100_000, LIMIT, 1):
        assert trusting.request("POST", f"{secured.url}/submit", body(octets, framed)) == echo(
            octets
        )


@pytest.mark.parametrize("framed", FRAMED)
@pytest.mark.parametrize("octets", [LIMIT + 1, FAR_ABOVE])
def test_a_body_above_the_limit_gets_413_over_tls(
    trusting: Session, secured: Secured, octets: int, framed: str
) -> None:
    answer = trusting.request("POST", f"{secured.url}/submit", body(octets, framed))

    assert (answer.status, answer.json()["error"]["code"]) == (413, "content_too_large")
    assert trusting.get(f"{secured.url}/") == GREETING


def test_a_post_to_plain_http_is_redirected_to_tls(trusting: Session, secured: Secured) -> None:
    plain = f"{secured.plain}/submit?q=1"
    sent = content(100_000)
    if trusting.follows:
        assert trusting.request("POST", plain, sent, follow=True) == echo(100_000)
    redirect = trusting.request("POST", plain, sent)

    assert redirect.status == 308
    assert redirect.fields["location"] == f"{secured.url}/submit?q=1"
    assert trusting.request("POST", redirect.fields["location"], sent) == echo(100_000)


@pytest.mark.parametrize("framed", FRAMED)
def test_the_redirect_arrives_after_a_body_of_any_length(
    trusting: Session, secured: Secured, framed: str
) -> None:
    redirect = trusting.request("PUT", f"{secured.plain}/x", body(FAR_ABOVE, framed))

    assert (redirect.status, redirect.fields["location"]) == (308, f"{secured.url}/x")


def test_plain_http_to_the_tls_port_gets_400(session: Session, secured: Secured) -> None:
    for method, sent in (("GET", None), ("POST", body(100_000, "by-length"))):
        answer = session.request(method, secured.url.replace("https:", "http:") + "/", sent)

        assert (answer.status, answer.body) == (400, b"This port speaks TLS: use https://\n")
