"""TLS: the CPU of a handshake, the memory of a connection, and the latency of other clients meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path

from bench.children import Server, background_load, free_port, load
from bench.effort import Effort
from bench.figures import OURS, AtMost, Below, Figure, interleave
from bench.measurements.beside import Loads, beside
from bench.peers.table import PEERS, Service, Site
from bench.servers import hamms, peer, workbench
from hamms_trio.pki.folder import throwaway_certificates

PARALLEL = 8
SECONDS = 2.0
KEPT = 1_500  # fewer than the default limit of 2048 connections
STALLED_OCTETS = 40_000
HALF_OPEN = 1_500
OCTET_SECONDS = 0.1  # between two octets of a ClientHello, too slow to finish it in time
HALF_OPEN_SECONDS = 12.0  # long enough for the server to end all once, after 10 seconds
ABOUT_FOREVER = 90.0
DIFFERENCE_MS = 20.0
BESIDE = ("uvicorn", "granian", "nginx")  # of `bench.peers.table`
REMARKS = {
    "uvloop": "a bare protocol, without a request's parser, an account or limits; OpenSSL in memory, as ours",
    "granian": "rustls, whose cryptography (ring) takes half of the time of OpenSSL 3.0, and no Python around it",
    "nginx": "the same OpenSSL, which is half of our figure, and no Python around it",
}

Start = Callable[[], AbstractContextManager[Server]]


def tls(effort: Effort) -> list[Figure]:
    """TLS 1.3 with one certificate (ECDSA, P-256): full handshakes, idle connections, other clients."""
    with ExitStack() as stack:
        made = stack.enter_context(throwaway_certificates())
        shown = (str(made.certificate), str(made.key))
        options = ("--enable-tls", "--https-port", "0")
        files = ("--cert-file", shown[0], "--key-file", shown[1])
        ours = partial(_workbench, *options, *files)
        starts: dict[str, Start] = {
            OURS: ours,
            "trio.SSLStream": partial(peer, "trio_ssl_stream", *shown),
            "uvloop": partial(peer, "uvloop_tls", *shown),
        }
        site = Site(Path(made.certificate).parent, made.certificate, made.key)
        return [
            *_handshakes(effort, starts, site),
            *_kept(effort, starts),
            *_stalled(effort),
            *_neighbours(effort, ours),
        ]


@contextmanager
def _workbench(*options: str) -> Iterator[Server]:
    """Run the workbench, and name the port of its redirect too."""
    redirect = free_port()
    with workbench(*options, "--port", str(redirect)) as server:
        yield Server(server.pid, {**server.ports, "redirect": redirect})


def _handshakes(effort: Effort, starts: Mapping[str, Start], site: Site) -> list[Figure]:
    targets = (Below("trio.SSLStream", 1 / 0.85), Below("uvicorn", 1.0))
    title = f"CPU to accept, shake hands and close, {PARALLEL} clients at a time"
    figure = Figure(title, "us", targets, remarks=REMARKS)
    with ExitStack() as stack:
        servers = {name: stack.enter_context(start()) for name, start in starts.items()}
        for each in (peer for peer in PEERS if peer.name in BESIDE):
            if missing := each.missing():
                figure.absent[each.name] = missing
            else:
                start = each.services[Service.SECURE]
                servers[each.name] = stack.enter_context(start(site))
        samples = {
            name: partial(
                load,
                "handshake",
                address=server.address(""),
                pid=server.pid,
                parallel=PARALLEL,
                seconds=effort.seconds(SECONDS),
            )
            for name, server in servers.items()
        }
        return interleave(effort.rounds, samples, {"cpu_us": figure})


def _kept(effort: Effort, starts: Mapping[str, Start]) -> list[Figure]:
    clients = effort.count(KEPT)

    def sample(start: Start) -> Mapping[str, float]:
        # A process of its own for each sample, since a process rarely returns memory.
        with start() as server:
            address = server.address("")
            return load("hold", address=address, pid=server.pid, connections=clients, tls=True)

    samples = {name: partial(sample, start) for name, start in starts.items()}
    title = f"memory of one of {clients} idle connections, after the handshake"
    figure = Figure(title, "octets", (Below("trio.SSLStream", 1.0), Below("uvloop", 1.0)))
    return interleave(effort.rounds, samples, {"octets": figure})


def _stalled(effort: Effort) -> list[Figure]:
    """Measure handshakes that stop: by a failure mode at each of its points, and by the client."""
    clients = effort.count(KEPT)

    def sample(host: str) -> Mapping[str, float]:
        with hamms() as server:
            address = server.address("sni")
            return load("hold", address=address, pid=server.pid, connections=clients, stalls=host)

    figures = []
    for at in ("hello", "flight", "finished"):
        title = f"memory of one of {clients} handshakes that a failure mode stalls, at={at}"
        figure = Figure(title, "octets", (AtMost(STALLED_OCTETS),))
        host = f"tls-handshake-hang--at-{at}.hamms.localhost"
        figures += interleave(effort.rounds, {OURS: partial(sample, host)}, {"octets": figure})
    title = f"memory of one of {clients} handshakes that its client stalls"
    remarks = {OURS: "45 000 octets are OpenSSL's own state, as long as it waits for Finished"}
    figure = Figure(title, "octets", remarks=remarks)
    return figures + interleave(
        effort.rounds, {OURS: partial(sample, "localhost")}, {"octets": figure}
    )


def _neighbours(effort: Effort, ours: Start) -> list[Figure]:
    """Measure a client with a connection, and a client of the port that redirects http:// to https://."""
    half_open = effort.count(HALF_OPEN)
    floods: dict[str, tuple[float, Loads]] = {
        f"{PARALLEL} clients at a time shake hands and leave": (SECONDS, _shaking),
        f"{half_open} clients send a ClientHello octet by octet": (
            HALF_OPEN_SECONDS,
            partial(_half_open, half_open),
        ),
    }
    figures = []
    for what, (seconds, loads) in floods.items():
        kept = partial(beside, effort, ours, "", loads, f"{what}, by TLS", tls=True)
        plain = partial(beside, effort, ours, "redirect", loads, f"{what}, by plain HTTP")
        figures += kept(seconds=seconds, at_most_ms=DIFFERENCE_MS)
        figures += plain(seconds=seconds, at_most_ms=DIFFERENCE_MS, anew=True, status=308)
    return figures


def _shaking(server: Server) -> list[AbstractContextManager[None]]:
    return [
        background_load(
            "handshake",
            address=server.address(""),
            pid=server.pid,
            parallel=PARALLEL,
            seconds=ABOUT_FOREVER,
        )
    ]


def _half_open(connections: int, server: Server) -> list[AbstractContextManager[None]]:
    return [
        background_load(
            "creep",
            address=server.address(""),
            connections=connections,
            interval=OCTET_SECONDS,
            seconds=ABOUT_FOREVER,
            tls=True,
        )
    ]
