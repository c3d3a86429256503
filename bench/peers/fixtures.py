"""``python -m bench.peers.fixtures NAME CYCLES``: servers that start and stop in this process.

The program prints the median milliseconds of one cycle: start, one answered request, stop.
"""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from statistics import median

import uvicorn

from bench.peers.answer import GREETING, TYPE, application
from hamms_trio import HammsServer

Address = tuple[str, int]

REQUEST = b"GET /?status=200 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def hamms() -> None:
    with HammsServer(beginning_port=0) as server:
        _ask(server.address("status"))


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", TYPE)
        self.send_header("Content-Length", str(len(GREETING)))
        self.end_headers()
        self.wfile.write(GREETING)

    def log_message(self, format: str, *args: object) -> None:
        pass


def standard() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        _ask(("127.0.0.1", server.server_port))
        server.shutdown()
        thread.join()


def in_uvicorn() -> None:
    sock = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(application, log_level="warning", access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([sock],))
    thread.start()
    _ask(sock.getsockname())
    server.should_exit = True
    thread.join()


SERVERS: dict[str, Callable[[], None]] = {
    "hamms-trio": hamms,
    "http.server": standard,
    "uvicorn": in_uvicorn,
}


def _ask(address: Address) -> None:
    with socket.create_connection(address) as sock:
        sock.sendall(REQUEST)
        answer = sock.recv(65536)
    if b" 200 " not in answer[:16]:
        raise SystemExit(f"not a 200: {answer[:200]!r}")


def main() -> None:
    cycle, cycles = SERVERS[sys.argv[1]], int(sys.argv[2])
    cycle()  # the first cycle also imports the modules that are imported late
    taken = []
    for _ in range(cycles):
        begin = time.perf_counter()
        cycle()
        taken.append(1000 * (time.perf_counter() - begin))
    print(median(taken), flush=True)


if __name__ == "__main__":
    main()
