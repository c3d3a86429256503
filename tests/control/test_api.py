"""The control API over HTTP, as a test in any language uses it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator

import pytest
import requests

from hamms_trio import HammsServer
from hamms_trio.modes import CATALOGUE
from hamms_trio.version import VERSION
from tests.clients import raw

SAFETY_NET = 60.0
NONCE = "run-1"


@pytest.fixture(scope="module")
def server() -> Iterator[HammsServer]:
    with HammsServer(beginning_port=0, seed=3, allow_hosts=["hamms.internal"]) as server:
        yield server


@pytest.fixture(autouse=True)
def _afresh(server: HammsServer) -> None:
    server.start_afresh()


def call(
    server: HammsServer, path: str, method: str = "GET", json: object = None, **fields: str
) -> requests.Response:
    headers = {name.replace("_", "-"): value for name, value in fields.items()}
    url = server.url("path", f"/_hamms/{path}")
    return requests.request(method, url, json=json, headers=headers, timeout=SAFETY_NET)


def test_health_reports_a_running_server(server: HammsServer) -> None:
    health = call(server, "health").json()
    assert health == {
        "status": "ok",
        "version": VERSION,
        "seed": 3,
        "speed": 1.0,
        "modes": len(CATALOGUE),
        "armed": 0,
        "ports": server.ports,
    }


def test_outcomes_of_named_clients_are_told_for_every_door(server: HammsServer) -> None:
    told = call(server, "outcomes").json()
    assert any(client.startswith("curl ") for client in told["clients"])
    for row in told["outcomes"].values():
        assert len(row) == len(told["clients"])
        assert set(row) <= set(told["meanings"])
    assert set(told["alike"]) <= set(CATALOGUE)
    assert told["meanings"]["error"] == "reported an error"


def test_modes_are_listed_and_described(server: HammsServer) -> None:
    listed = {mode["slug"]: mode for mode in call(server, "modes").json()["modes"]}
    assert set(listed) == set(CATALOGUE)
    assert listed["status"] == call(server, "modes/status").json()
    assert call(server, "modes/status-code").json()["slug"] == "status"
    assert listed["status"]["port"] == server.ports["status"]
    assert listed["sequence"]["port"] is None
    wrong = call(server, "modes/statsu")
    assert wrong.status_code == 404
    assert "did you mean status" in wrong.json()["detail"]


def test_the_ledger_returns_every_record_of_a_nonce(server: HammsServer) -> None:
    before = time.time()
    url = server.url("status", status=503, nonce=NONCE)
    with requests.Session() as session:
        session.post(url + "&mine=1", data=b"content", timeout=SAFETY_NET)
        session.get(server.url("path", "/x"), headers={"X-Hamms-Nonce": NONCE}, timeout=SAFETY_NET)
    server.ledger.wait_until(lambda ledger: not ledger.open_connections("status"))
    record = call(server, f"ledger/{NONCE}").json()

    assert set(record) == {"nonce", "fired", "connections", "requests"}
    assert (record["nonce"], record["fired"]) == (NONCE, True)
    first, second = record["requests"]
    posted = record["connections"][0]
    assert posted["id"] == first["connection"] != second["connection"]
    assert (posted["mode"], posted["door"]) == ("status", "status")
    assert posted["client"].startswith("127.0.0.1:")
    assert before - 1 < posted["opened"] <= first["at"] <= time.time() + 1
    assert (posted["client_end"], posted["server_end"], posted["tls"]) == ("FIN", "FIN", None)
    assert (first["mode"], first["method"], first["status"]) == ("status", "POST", 503)
    assert first["body"] == {"octets": 7, "sha256": hashlib.sha256(b"content").hexdigest()}
    assert first["struck"]
    assert first["ignored_parameters"] == ["mine"]
    assert first["spacing"] is None
    assert ["X-Hamms-Nonce", NONCE] in second["fields"]
    assert second["spacing"] == pytest.approx(second["at"] - first["at"], abs=1e-3)
    assert (second["mode"], second["struck"], second["octets_sent"] > 65536) == ("ok", False, True)


@pytest.mark.parametrize(
    "path", ["/x", "/mode/status", "/mode/frame-cl-repeated", "/mode/chunk-ext"]
)
def test_the_server_makes_a_nonce_for_clients_without_one(server: HammsServer, path: str) -> None:
    made = requests.get(server.url("path", path), timeout=SAFETY_NET).headers["X-Hamms-Nonce"]
    (request,) = call(server, f"ledger/{made}").json()["requests"]
    assert request["target"] == path


def test_a_connection_without_a_request_is_found_by_its_nonce(server: HammsServer) -> None:
    call(server, "arm", "POST", {"mode": "tcp-accept-close", "arguments": {"nonce": NONCE}})
    with raw.connected(server.address("armed")) as client:
        assert raw.receive_all(client) == b""
    record = call(server, f"ledger/{NONCE}").json()
    assert record["fired"]
    assert [each["mode"] for each in record["connections"]] == ["tcp-accept-close"]
    assert record["requests"] == []


def test_delete_forgets_one_nonce_alone(server: HammsServer) -> None:
    for nonce in ("a", "b"):
        requests.get(server.url("path", f"/x?nonce={nonce}"), timeout=SAFETY_NET)
    assert call(server, "ledger/a", "DELETE").status_code == 204
    assert call(server, "ledger/a").json()["requests"] == []
    assert len(call(server, "ledger/b").json()["requests"]) == 1


def test_a_fault_is_armed_listed_and_disarmed_over_http(server: HammsServer) -> None:
    order = {
        "mode": "status",
        "arguments": {"status": 503},
        "times": 2,
        "ttl": 60,
        "match": {"method": "GET"},
    }
    made = call(server, "arm", "POST", order)
    assert made.status_code == 201
    armed = made.json()
    assert (armed["mode"], armed["left"], armed["match"]) == ("status", 2, {"method": "GET"})
    assert requests.get(server.url("path", "/x"), timeout=SAFETY_NET).status_code == 503
    (listed,) = call(server, "arm").json()["armed"]
    assert (listed["id"], listed["left"]) == (armed["id"], 1)
    assert 0 < listed["seconds_left"] <= 60
    assert call(server, f"arm/{armed['id']}", "DELETE").status_code == 204
    assert call(server, f"arm/{armed['id']}", "DELETE").status_code == 404
    assert requests.get(server.url("path", "/x"), timeout=SAFETY_NET).status_code == 200
    call(server, "arm", "POST", order)
    assert call(server, "arm", "DELETE").status_code == 204
    assert call(server, "arm").json() == {"armed": []}


@pytest.mark.parametrize(
    ("order", "status", "problem"),
    [
        ({"mode": "nope"}, 404, "did you mean"),
        ({"mode": "tcp-refused"}, 409, "nothing listens"),
        ({"mode": "status", "tims": 1}, 400, "tims"),
        ({"mode": "status", "times": 0}, 400, "times"),
        ({"mode": "status", "arguments": {"status": 1}}, 400, "from 100 to 999"),
        ({}, 400, "mode"),
        ([], 400, "array"),
    ],
)
def test_an_invalid_order_is_refused_with_the_reason(
    server: HammsServer, order: object, status: int, problem: str
) -> None:
    refused = call(server, "arm", "POST", order)
    assert refused.status_code == status
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert problem in refused.json()["detail"]


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("nope", "GET", 404),
        ("modes/status/x", "GET", 404),
        ("ledger/", "GET", 404),
        ("ledger/a%20b", "GET", 400),
        ("arm", "PUT", 405),
        ("health", "POST", 405),
    ],
)
def test_an_unknown_resource_or_method_is_refused(
    server: HammsServer, path: str, method: str, status: int
) -> None:
    assert call(server, path, method).status_code == status


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:5599", "a.localhost", "[::1]:5599", "10.1.2.3"]
)
def test_the_api_answers_by_names_of_this_machine(server: HammsServer, host: str) -> None:
    assert call(server, "health", Host=host).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "evil.example:5599", "notlocalhost"]
)
def test_a_rebound_name_does_not_reach_the_api(server: HammsServer, host: str) -> None:
    assert call(server, "health", Host=host).status_code == 403


def test_a_client_without_a_host_reaches_the_api(server: HammsServer) -> None:
    with raw.connected(server.address("path")) as client:
        client.sendall(b"GET /_hamms/health HTTP/1.0\r\n\r\n")
        assert raw.receive_all(client).startswith(b"HTTP/1.1 200 ")


def test_an_allowed_host_reaches_the_api(server: HammsServer) -> None:
    assert call(server, "health", Host="HAMMS.internal:5599").status_code == 200


@pytest.mark.parametrize(
    "fields",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
def test_no_page_of_another_origin_reaches_the_api(
    server: HammsServer, method: str, fields: dict[str, str]
) -> None:
    answer = call(server, "arm", method, {"mode": "status"}, **fields)
    assert answer.status_code == 403
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert call(server, "arm").json() == {"armed": []}


def test_a_page_of_its_own_origin_reaches_the_api(server: HammsServer) -> None:
    host, port = server.address("path")
    fields = {"Origin": f"http://{host}:{port}", "Sec-Fetch-Site": "same-origin"}
    assert call(server, "arm", "POST", {"mode": "status"}, **fields).status_code == 201


def test_openapi_describes_every_resource_and_its_documents(server: HammsServer) -> None:
    described = call(server, "openapi.json").json()
    assert described["openapi"].startswith("3.1")
    assert set(described["paths"]) == {
        "/_hamms/health",
        "/_hamms/modes",
        "/_hamms/modes/{slug}",
        "/_hamms/outcomes",
        "/_hamms/ledger/{nonce}",
        "/_hamms/arm",
        "/_hamms/arm/{id}",
        "/_hamms/ca.pem",
        "/_hamms/openapi.json",
    }
    record = call(server, f"ledger/{NONCE}").json()
    ledger = described["components"]["schemas"]["LedgerDocument"]
    assert set(ledger["properties"]) == set(record)
    order = described["paths"]["/_hamms/arm"]["post"]["requestBody"]["content"]["application/json"]
    assert order["schema"] == {"$ref": "#/components/schemas/ArmOrder"}
