"""Each load against an honest server, for a moment, and against servers that lie."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("the measurements need Linux", allow_module_level=True)

from bench import machine
from bench.children import START_SECONDS, Server, child, load
from bench.errors import Unmeasurable
from bench.loads.wrk import has_wrk
from bench.servers import files, hamms, workbench

MOMENT = 0.1  # seconds
OK = r"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ANY_NUMBER = -1


@pytest.fixture(scope="module")
def plain() -> Iterator[Server]:
    with workbench() as server:
        yield server


@pytest.fixture(scope="module")
def secured() -> Iterator[Server]:
    with workbench("--enable-tls", "--https-port", "0", "--no-redirect-http") as server:
        yield server


@contextmanager
def scripted(octets: str, answers: int) -> Iterator[Server]:
    """Run a server that answers every request by ``octets``, and closes after so many answers."""
    script = str(Path(__file__).with_name("scripted_server.py"))
    # Without site-packages, which it does not need, the interpreter starts at once.
    command = [sys.executable, "-I", "-S", script, octets, str(answers)]
    with child(command, cpu=None) as process:
        yield Server(process.pid, {"": int(process.line(START_SECONDS))})


def put(name: str, server: Server, **arguments: object) -> dict[str, float]:
    return load(name, address=server.address(""), **arguments)


EXCHANGES = {
    "equal heads": {"target": "/"},
    "different heads": {"target": "/", "varies": "head"},
    "POST": {"target": "/submit", "content": 1024},
    "long responses": {"target": "/submit", "content": 100_000},
    "TLS": {"target": "/", "tls": True},
}
CLIENTS = [
    "exchange",
    pytest.param("wrk", marks=pytest.mark.skipif(not has_wrk(), reason="wrk is not installed")),
]


@pytest.mark.parametrize("request_", EXCHANGES.values(), ids=EXCHANGES)
@pytest.mark.parametrize("client", CLIENTS)
def test_exchanges_cost_the_server_some_cpu(
    plain: Server, secured: Server, client: str, request_: dict[str, object]
) -> None:
    server = secured if "tls" in request_ else plain
    counted = put(client, server, pid=server.pid, connections=4, seconds=MOMENT, **request_)
    assert counted.keys() == {"cpu_us", "per_second"}
    assert min(counted.values()) > 0


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_refuses_to_measure_errors(plain: Server, client: str) -> None:
    with pytest.raises(Unmeasurable, match=r"not a 200|errors"):
        put(client, plain, pid=plain.pid, connections=4, seconds=MOMENT, target="/nothing")


def test_exchanges_can_have_a_path_of_their_own(plain: Server) -> None:
    arguments = {"connections": 4, "seconds": MOMENT, "varies": "path"}
    assert put("exchange", plain, pid=plain.pid, target="/?n=", **arguments)["per_second"] > 0
    with pytest.raises(Unmeasurable, match="not a 200"):
        put("exchange", plain, pid=plain.pid, target="/nothing/", **arguments)


@pytest.mark.parametrize("name", ["exchange", "pace", "pipeline", "download", "probe", "wander"])
def test_a_load_outlasts_the_requests_of_one_connection(name: str) -> None:
    longer = {"requests": 2000} if name == "wander" else {"seconds": MOMENT}
    with workbench("--max-requests", "40") as server:
        process = {} if name == "pace" else {"pid": server.pid}
        put(name, server, **{**OF[name], **process, **longer})


def test_a_pace_counts_how_late_answers_are(plain: Server) -> None:
    counted = put("pace", plain, connections=4, seconds=MOMENT, rate=1000, varies="head")
    assert 0 < counted["p50_ms"] <= counted["max_ms"]
    assert 0 < counted["p99_ms"] <= counted["max_ms"]


def test_downloads_are_complete_and_counted(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 3_000_000)
    with files(tmp_path) as server:
        counted = put(
            "download", server, pid=server.pid, connections=2, seconds=MOMENT, target="/file"
        )
    assert counted.keys() == {"cpu_us", "wall_us"}
    assert min(counted.values()) > 0


def test_downloads_go_on_where_the_server_closes_as_announced() -> None:
    closing = OK.replace(r"\r\n\r\n", r"\r\nConnection: close\r\n\r\n")
    with scripted(closing, 1) as server:
        counted = put("download", server, pid=server.pid, connections=2, seconds=MOMENT, target="/")
    assert counted["wall_us"] > 0


def test_handshakes_are_full_and_counted(secured: Server) -> None:
    counted = put("handshake", secured, pid=secured.pid, parallel=2, seconds=MOMENT)
    assert counted.keys() == {"cpu_us", "per_second"}
    assert min(counted.values()) > 0


@pytest.mark.parametrize("tls", [False, True], ids=["heads", "ClientHellos"])
def test_creeping_clients_send_octets_and_keep_their_connections(
    plain: Server, secured: Server, tls: bool
) -> None:
    server = secured if tls else plain
    counted = put("creep", server, connections=20, interval=0.01, seconds=MOMENT, tls=tls)
    assert counted["octets"] >= 20
    assert counted["ended"] == 0


def test_creeping_clients_connect_again_when_the_server_ends_them() -> None:
    with scripted("", 1) as server:
        counted = put("creep", server, connections=5, interval=0.01, seconds=MOMENT)
    assert counted["ended"] > 0


def test_wandering_clients_get_answers_and_read_the_memory(plain: Server) -> None:
    counted = put("wander", plain, pid=plain.pid, requests=2000)
    assert counted.keys() == {"start_mb", "filled_mb", "end_mb", "growth_kb", "per_second"}
    assert min(counted["start_mb"], counted["filled_mb"], counted["end_mb"]) > 0


def test_a_crowd_asks_again_when_a_mode_ends_its_connection() -> None:
    with hamms("frame-cl-conflict") as server:
        counted = load(
            "crowd",
            address=server.address("path"),
            connections=5,
            target="/mode/frame-cl-conflict/x",
            seconds=MOMENT,
        )
    assert counted["ended"] > 5


def test_subscribers_receive_the_event_of_each_request(plain: Server) -> None:
    counted = put("subscribers", plain, connections=3, rate=50, seconds=MOMENT)
    assert 0 < counted["p50_ms"] <= counted["p99_ms"] <= counted["max_ms"]


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_held_connections_cost_some_cpu(plain: Server, secured: Server, tls: bool) -> None:
    server = secured if tls else plain
    counted = put("hold", server, pid=server.pid, connections=50, asks=True, tls=tls)
    assert counted.keys() == {"octets", "cpu_us"}
    assert counted["cpu_us"] > 0


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
@pytest.mark.parametrize("anew", [False, True], ids=["kept", "anew"])
def test_a_probe_gets_answers(plain: Server, secured: Server, tls: bool, anew: bool) -> None:
    server = secured if tls else plain
    counted = put("probe", server, pid=server.pid, seconds=MOMENT, tls=tls, anew=anew)
    assert 0 < counted["p50_ms"] <= counted["p99_ms"] <= counted["max_ms"]


ASKING: dict[str, object] = {"connections": 2, "seconds": MOMENT}
OF: dict[str, dict[str, object]] = {
    "exchange": {**ASKING, "target": "/"},
    "pace": {**ASKING, "varies": "", "rate": 1000},
    "pipeline": {**ASKING, "depth": 2},
    "download": {**ASKING, "target": "/"},
    "probe": {"seconds": MOMENT},
    "handshake": {"parallel": 2, "seconds": MOMENT},
    "wander": {"requests": 100},
}
LIES = {
    "leaves": ("", 0),
    "refuses": (OK.replace("200 OK", "503 No"), ANY_NUMBER),
    "breaks off": (OK.replace("Content-Length: 2", "Content-Length: 20"), 1),
}


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("name", OF)
def test_a_server_that_lies_is_not_measured(name: str, lie: str) -> None:
    if name == "probe" and lie == "breaks off":
        pytest.skip("a probe reads only the beginning of a response")
    with scripted(*LIES[lie]) as server:
        arguments = OF[name] if name == "pace" else {**OF[name], "pid": server.pid}
        with pytest.raises(Unmeasurable, match=r"bench\.load \w+ ended: \w+"):
            put(name, server, **arguments)


def test_a_run_describes_its_machine() -> None:
    description = machine.description()
    names = {"python", "openssl", "system", "processor", "servers on", "clients on"}
    assert names <= description.keys()
    assert all(description.values())
    assert machine.commit()
