"""The table of the HTTP servers that ours is measured beside: one entry for each peer."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from bench.children import Server
from bench.servers import GREETING, nginx, peer


class Service(Enum):
    """A task that a server can perform."""

    GREET = "GET, answered by a text of 11 octets"
    ECHO = "POST, answered by the request's body"
    SECURE = "GREET by TLS"
    FILES = "files of one folder"


@dataclass(frozen=True, slots=True)
class Site:
    """The folder that FILES serves, and the certificate and key of SECURE."""

    folder: Path
    certificate: Path
    key: Path


Start = Callable[[Site], AbstractContextManager[Server]]


@dataclass(frozen=True, slots=True)
class Peer:
    """A server that performs some of the tasks.

    Attributes:
        missing: returns the package to install, or "" if the peer is installed.
        services: how to start the peer for each task.
    """

    name: str
    missing: Callable[[], str]
    services: Mapping[Service, Start]


def _python(name: str, module: str, *needs: str) -> Peer:
    """Declare a peer in a module of `bench.peers` (certificate and key as arguments for TLS) and its packages."""

    def plain(_: Site) -> AbstractContextManager[Server]:
        return peer(module)

    def secure(site: Site) -> AbstractContextManager[Server]:
        return peer(module, str(site.certificate), str(site.key))

    services = {Service.GREET: plain, Service.ECHO: plain, Service.SECURE: secure}
    return Peer(name, partial(_missing_packages, needs), services)


def _missing_packages(needs: tuple[str, ...]) -> str:
    missing = [name for name in needs if find_spec(name) is None]
    return f"pip install {' '.join(missing)}" if missing else ""


def _missing_nginx() -> str:
    return "" if shutil.which("nginx") else "apt-get install nginx-light"


def _nginx_greeting(_: Site) -> AbstractContextManager[Server]:
    return nginx()


def _nginx_secure(site: Site) -> AbstractContextManager[Server]:
    shown = f"ssl_certificate {site.certificate}; ssl_certificate_key {site.key};"
    return nginx(GREETING, f"{shown} ssl_protocols TLSv1.3;", listen="ssl")


def _nginx_files(site: Site) -> AbstractContextManager[Server]:
    return nginx(f"root {site.folder};")


PEERS = (
    _python("uvicorn", "uvicorn_answer", "uvicorn", "uvloop", "httptools"),
    _python("granian", "granian_answer", "granian"),
    _python("socketify", "socketify_answer", "socketify"),
    _python("fastpysgi", "fastpysgi_answer", "fastpysgi"),
    Peer(
        "nginx",  # without ECHO: nginx discards the body of a request that it answers itself
        _missing_nginx,
        {
            Service.GREET: _nginx_greeting,
            Service.SECURE: _nginx_secure,
            Service.FILES: _nginx_files,
        },
    ),
)
