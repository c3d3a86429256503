"""The workloads of the engine as a table: the task, the requests, and the targets of each."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import Request, urlopen

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from bench.children import Server
from bench.errors import Unmeasurable
from bench.figures import OURS, Below, Target, times_at_most
from bench.peers.table import PEERS, Service, Site
from bench.servers import files, workbench
from hamms_trio.pki.folder import throwaway_certificates

CONNECTIONS = 64
KIB = 1024
MOCK = {"method": "GET", "path_pattern": "/bench/mock", "status": 200, "body": "Hello World"}
FILES = {"kib.bin": KIB, "mib.bin": KIB * KIB}
# A file that has just been written may change again without a new timestamp, so a careful server reads it anew.
# Most files are older than that.
SETTLED_SECONDS = 2.5


@dataclass(frozen=True, slots=True)
class Workload:
    """A kind of request that 64 persistent connections make again and again.

    Attributes:
        what: the workload in words.
        service: the task of the servers.
        request: the arguments of `bench.loads.exchange` for the request.
        targets: the limits of our CPU for one request.
        load: the load of `bench.loads`; ``download`` is the one for long responses.
        records: True to have the workbench keep its history and its events, as it does by default.
    """

    what: str
    service: Service
    request: Mapping[str, object]
    targets: tuple[Target, ...]
    load: str = "exchange"
    records: bool = False


RECORDED = (Below("uvicorn", 1.0),)
WORKLOADS = (
    Workload(
        "GET, all heads equal",
        Service.GREET,
        {"target": "/"},
        (Below("uvicorn", 2.0), times_at_most("nginx", 1.6)),
    ),
    Workload(
        "GET, every head different",
        Service.GREET,
        {"target": "/", "varies": "head"},
        (Below("uvicorn", 1.7), Below("granian", 1.0)),
    ),
    Workload(
        "POST of 1 KiB",
        Service.ECHO,
        {"target": "/submit", "content": KIB},
        (Below("uvicorn", 1.5),),
    ),
    Workload(
        "file of 1 KiB",
        Service.FILES,
        {"target": "/kib.bin"},
        (times_at_most("nginx", 2.0),),
    ),
    Workload(
        "file of 1 MiB",
        Service.FILES,
        {"target": "/mib.bin"},
        (times_at_most("nginx", 1.25),),
        load="download",
    ),
    Workload(
        "GET by TLS, all heads equal",
        Service.SECURE,
        {"target": "/", "tls": True},
        (Below("uvicorn", 2.0),),
    ),
    *(
        Workload(f"{what}, history and events on", service, request, RECORDED, records=True)
        for what, service, request in (
            ("GET, all heads equal", Service.GREET, {"target": "/"}),
            ("GET, every head different", Service.GREET, {"target": "/", "varies": "head"}),
            ("GET of a mock", Service.GREET, {"target": MOCK["path_pattern"]}),
            ("POST of 1 KiB", Service.ECHO, {"target": "/submit", "content": KIB}),
        )
    ),
)


@contextmanager
def open_site() -> Iterator[Site]:
    """Make the files that servers send, and a certificate (ECDSA, P-256)."""
    with TemporaryDirectory() as folder, throwaway_certificates() as made:
        place = Path(folder)
        (place / "files").mkdir()
        for name, octets in FILES.items():
            (place / "files" / name).write_bytes(os.urandom(octets))
        settled = time.monotonic() + SETTLED_SECONDS
        key = load_pem_private_key(made.key.read_bytes(), None)
        # granian reads PKCS #8 only.
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (place / "key.pem").write_bytes(pem)
        time.sleep(max(0.0, settled - time.monotonic()))
        yield Site(place / "files", made.certificate, place / "key.pem")


def _start_ours(service: Service, site: Site, *, records: bool) -> AbstractContextManager[Server]:
    """Start our server; access log and metrics are always on."""
    if service is Service.FILES:
        return files(site.folder)
    if records:
        return _recording()
    options = ["--no-enable-playground", "--no-enable-live-events"]
    if service is Service.SECURE:
        options += ["--cert-file", str(site.certificate), "--key-file", str(site.key)]
        options += ["--enable-tls", "--https-port", "0", "--no-redirect-http"]
    return workbench(*options)


@contextmanager
def _recording() -> Iterator[Server]:
    with TemporaryDirectory() as folder, workbench("--state", f"{folder}/state.sqlite3") as server:
        host, port = server.address()
        request = Request(
            f"http://{host}:{port}/api/mocks",
            json.dumps(MOCK).encode(),
            {"Content-Type": "application/json"},
        )
        with urlopen(request):
            yield server


@contextmanager
def running(
    service: Service, site: Site, *, records: bool = False
) -> Iterator[tuple[dict[str, Server], dict[str, str]]]:
    """Start our server and every peer that performs a task.

    Yields:
        The servers, and the reason for each peer that is missing.
    """
    absent: dict[str, str] = {}
    with ExitStack() as stack:
        servers = {OURS: stack.enter_context(_start_ours(service, site, records=records))}
        for peer in PEERS:
            start = peer.services.get(service)
            if start is None:
                continue
            if missing := peer.missing():
                absent[peer.name] = f"not installed ({missing})"
                continue
            try:
                servers[peer.name] = stack.enter_context(start(site))
            except Unmeasurable as error:
                absent[peer.name] = str(error)
        yield servers, absent
