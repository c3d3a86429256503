"""Misbehaving proxies, as curl and http.client meet them through a mode's own port."""

from __future__ import annotations

import http.client
import subprocess

import pytest

from hamms_trio import HammsServer
from hamms_trio.canary import canary

ORIGIN = "http://origin.test/?nonce=tunnel"


def curl(proxy: str, *options: str) -> subprocess.CompletedProcess[bytes]:
    command = ["curl", "--silent", "--max-time", "10", "--noproxy", "", "--proxy", proxy]
    return subprocess.run([*command, *options, ORIGIN], capture_output=True, check=False)


@pytest.mark.parametrize(
    ("slug", "arguments"),
    [
        ("proxy-connect-200-length", {"case": "cl"}),
        ("proxy-connect-200-length", {"case": "te"}),
        ("proxy-connect-200-reason", {"status": "200-ok"}),
        ("proxy-connect-200-reason", {"status": "200-established"}),
        ("proxy-connect-200-reason", {"status": "204"}),
        ("proxy-connect-200-reason", {"status": "299"}),
    ],
)
def test_a_tunnel_leads_to_the_canary(
    hamms: HammsServer, slug: str, arguments: dict[str, str]
) -> None:
    got = curl(hamms.open(slug, **arguments).url(), "--proxytunnel")

    assert got.stdout == canary("tunnel")
    requests = hamms.ledger.requests(slug)
    assert [(r.method, r.struck) for r in requests] == [("CONNECT", True), ("GET", False)]
    assert len({r.connection for r in requests}) == 1


@pytest.mark.parametrize(
    ("slug", "arguments", "code"),
    [
        ("proxy-407", {}, 56),
        ("proxy-connect-status", {"status": 502}, 56),
        ("proxy-connect-close", {"how": "fin"}, 56),
        ("proxy-connect-close", {"how": "rst"}, 56),
    ],
)
def test_a_refusal_has_no_octet_of_the_origin(
    hamms: HammsServer, slug: str, arguments: dict[str, object], code: int
) -> None:
    got = curl(hamms.open(slug, **arguments).url(), "--proxytunnel")

    assert (got.returncode, got.stdout) == (code, b"")


def test_a_refused_connect_leaves_the_connection_for_another_try(hamms: HammsServer) -> None:
    door = hamms.open("proxy-407", scheme="digest")
    curl(door.url(), "--proxytunnel", "--proxy-anyauth", "--proxy-user", "ann:secret")

    requests = hamms.ledger.requests("proxy-407")
    assert [r.method for r in requests] == ["CONNECT", "CONNECT"]
    assert len({r.connection for r in requests}) == 1


@pytest.mark.parametrize("status", [403, 502])
def test_http_client_reports_the_status_of_a_refusal(hamms: HammsServer, status: int) -> None:
    connection = http.client.HTTPConnection(
        *hamms.open("proxy-connect-status", status=status).address, timeout=10
    )
    connection.set_tunnel("origin.test", 80)
    with pytest.raises(OSError, match=f"{status}"):
        connection.request("GET", "/")
    connection.close()


def test_a_request_in_absolute_form_is_refused_too(hamms: HammsServer) -> None:
    # CURLE_HTTP_RETURNED_ERROR
    assert curl(hamms.open("proxy-407").url(), "--fail").returncode == 22


@pytest.mark.parametrize(
    ("slug", "given", "code"),
    [
        ("proxy-socks-refused", {}, 97),  # CURLE_PROXY
        ("proxy-socks-refused", {"code": 200}, 97),
        ("proxy-socks-wrong-version", {}, 97),
        ("proxy-socks-wrong-version", {"case": "http"}, 97),
        ("proxy-socks-wrong-version", {"case": "no-method"}, 97),
        ("proxy-socks-refused", {"share": 0}, 0),
    ],
)
def test_curl_reports_the_refusal_of_a_socks_proxy(
    hamms: HammsServer, slug: str, given: dict[str, object], code: int
) -> None:
    with hamms.open(slug, **given) as door:
        done = curl("socks5h://{}:{}".format(*door.address))
    assert done.returncode == code
    assert done.stdout == (b"" if code else canary("tunnel"))


@pytest.mark.parametrize("at", ["order", "greeting"])
def test_a_socks_proxy_hangs(hamms: HammsServer, at: str) -> None:
    with hamms.open("proxy-socks-hang", at=at) as door:
        done = curl("socks5h://{}:{}".format(*door.address), "--max-time", "0.2")
    assert done.returncode == 28  # CURLE_OPERATION_TIMEDOUT
