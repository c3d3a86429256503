"""Each load against a server that is honest, for a moment, and against some that are not."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("the measurements need Linux", allow_module_level=True)

from bench import machine
from bench.children import START_SECONDS, Server, child, files, load, workbench
from bench.errors import Unmeasurable

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
    """A server that says ``octets`` whatever it is asked, and closes after so many answers."""
    script = str(Path(__file__).with_name("scripted_server.py"))
    with child([sys.executable, script, octets, str(answers)], cpu=None) as process:
        yield Server(process.pid, {"": int(process.line(START_SECONDS))})


def put(name: str, server: Server, **arguments: object) -> dict[str, float]:
    return load(name, address=server.address(""), **arguments)


def test_exchanges_cost_something_and_take_some_time(plain: Server) -> None:
    for varies in ("", "id"):
        counted = put(
            "exchange", plain, pid=plain.pid, connections=4, seconds=MOMENT, varies=varies
        )
        assert counted.keys() == {"cpu_us", "per_second", "p99_ms"}
        assert min(counted.values()) > 0


def test_a_path_that_is_different_each_time_is_asked_for(plain: Server) -> None:
    arguments = {"connections": 4, "seconds": MOMENT, "varies": "path"}
    assert put("exchange", plain, pid=plain.pid, target="/?n=", **arguments)["per_second"] > 0
    with pytest.raises(Unmeasurable, match="not a 200:"):
        put("exchange", plain, pid=plain.pid, target="/nothing/", **arguments)


def test_a_pace_tells_how_late_answers_are(plain: Server) -> None:
    counted = put("pace", plain, connections=4, seconds=MOMENT, rate=1000, varies="id")
    assert 0 < counted["p50_ms"] <= counted["max_ms"]
    assert 0 < counted["p99_ms"] <= counted["max_ms"]


def test_downloads_are_taken_whole_and_counted(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 3_000_000)
    with files(tmp_path) as server:
        counted = put(
            "download", server, pid=server.pid, connections=2, seconds=MOMENT, target="/file"
        )
    assert counted.keys() == {"cpu_us", "wall_us"}
    assert min(counted.values()) > 0


def test_downloads_go_on_where_the_server_closes_as_it_said(plain: Server) -> None:
    closing = OK.replace(r"\r\n\r\n", r"\r\nConnection: close\r\n\r\n")
    with scripted(closing, 1) as server:
        counted = put("download", server, pid=server.pid, connections=2, seconds=MOMENT, target="/")
    assert counted["wall_us"] > 0


def test_handshakes_are_full_and_counted(secured: Server) -> None:
    counted = put("handshake", secured, pid=secured.pid, parallel=2, seconds=MOMENT)
    assert counted.keys() == {"cpu_us", "per_second"}
    assert min(counted.values()) > 0


@pytest.mark.parametrize("tls", [False, True], ids=["heads", "ClientHellos"])
def test_what_creeps_sends_octets_and_is_not_ended_early(
    plain: Server, secured: Server, tls: bool
) -> None:
    server = secured if tls else plain
    counted = put("creep", server, connections=20, interval=0.01, seconds=MOMENT, tls=tls)
    assert counted["octets"] >= 20
    assert counted["ended"] == 0


def test_what_creeps_comes_again_when_it_is_ended() -> None:
    with scripted("", 1) as server:
        counted = put("creep", server, connections=5, interval=0.01, seconds=MOMENT)
    assert counted["ended"] > 0


def test_who_wanders_is_answered_and_memory_is_read(plain: Server) -> None:
    counted = put("wander", plain, pid=plain.pid, requests=2000)
    assert counted.keys() == {"start_mb", "filled_mb", "end_mb", "growth_kb", "per_second"}
    assert counted["end_mb"] >= counted["filled_mb"] > 0


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_what_is_held_takes_memory(plain: Server, secured: Server, tls: bool) -> None:
    server = secured if tls else plain
    counted = put("hold", server, pid=server.pid, connections=50, asks=True, tls=tls)
    assert counted.keys() == {"octets", "cpu_us"}
    assert counted["cpu_us"] > 0


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
@pytest.mark.parametrize("anew", [False, True], ids=["kept", "anew"])
def test_a_probe_is_answered(plain: Server, secured: Server, tls: bool, anew: bool) -> None:
    server = secured if tls else plain
    counted = put("probe", server, pid=server.pid, seconds=MOMENT, tls=tls, anew=anew)
    assert 0 < counted["p50_ms"] <= counted["p99_ms"] <= counted["max_ms"]


ASKING: dict[str, object] = {"connections": 2, "seconds": MOMENT}
OF: dict[str, dict[str, object]] = {
    "exchange": {**ASKING, "varies": ""},
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
def test_a_server_that_does_not_answer_as_asked_is_not_measured(name: str, lie: str) -> None:
    if name == "probe" and lie == "breaks off":
        pytest.skip("a probe looks at how a response begins")
    with scripted(*LIES[lie]) as server:
        arguments = OF[name] if name == "pace" else {**OF[name], "pid": server.pid}
        with pytest.raises(Unmeasurable, match=r"Unmeasurable: \w+"):  # which the load says itself
            put(name, server, **arguments)


def test_a_run_says_what_it_was_made_on() -> None:
    told = machine.description()
    assert {"python", "openssl", "system", "processor", "servers on", "clients on"} <= told.keys()
    assert all(told.values())
    assert machine.commit()
