"""Clients that read the workbench's history without end, and import it as mocks."""

from __future__ import annotations

import time
from threading import Thread

from bench.errors import Unmeasurable
from bench.loads.connecting import Address, Notice
from bench.loads.talking import ask

RECORDS = 600
BODY = b"x" * 2_000
PATHS = 150  # the mocks that an import makes, below the limit of 200


def history(
    *, address: Address, connections: int, seconds: float, steady: Notice
) -> dict[str, float]:
    """Record 600 requests of 2 KB; then read pages of 500 and the same as HAR, and import that HAR, in turns."""
    talk = ask(address)
    for number in range(RECORDS):
        talk("POST", f"/submitted/{number % PATHS}", BODY)
    _, har = talk("GET", "/api/history/har?limit=500")
    steady()
    until = time.monotonic() + seconds
    counts = [0] * connections

    def read(place: int) -> None:
        talk = ask(address)
        while time.monotonic() < until:
            talk("GET", "/api/history?limit=500")
            talk("GET", "/api/history/har?limit=500")
            talk("POST", "/api/history/har", har)
            counts[place] += 3

    readers = [Thread(target=read, args=(place,), daemon=True) for place in range(connections)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    if not all(counts):
        raise Unmeasurable("a client has read nothing")
    return {"requests": sum(counts)}
