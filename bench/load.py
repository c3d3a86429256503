"""The client: ``python -m bench.load NAME ARGUMENTS`` puts a server under one load.

ARGUMENTS is a JSON object. A load prints `STEADY` at the beginning of the measured time, and its counts as a
JSON object at the end. The load reads the server's own accounts, by process id, at the very beginning and the
very end of the measured time.
"""

from __future__ import annotations

import gc
import json
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from bench.children import LOAD_SECONDS, STEADY
from bench.errors import Unmeasurable
from bench.loads.answers import answers
from bench.loads.churn import churn
from bench.loads.client import client
from bench.loads.creep import creep
from bench.loads.crowd import crowd
from bench.loads.download import download
from bench.loads.drip import drip
from bench.loads.exchange import exchange
from bench.loads.flood import flood
from bench.loads.handshake import handshake
from bench.loads.history import history
from bench.loads.hold import hold
from bench.loads.pace import pace
from bench.loads.pipeline import pipeline
from bench.loads.probe import probe
from bench.loads.runs import runs
from bench.loads.subscribers import subscribers
from bench.loads.upload import upload
from bench.loads.wander import wander
from bench.loads.wrk import wrk

LOADS: dict[str, Callable[..., dict[str, float]]] = {
    load.__name__: load
    for load in (
        answers,
        churn,
        client,
        creep,
        crowd,
        download,
        drip,
        exchange,
        flood,
        handshake,
        history,
        hold,
        pace,
        pipeline,
        probe,
        runs,
        subscribers,
        upload,
        wander,
        wrk,
    )
}


def main() -> None:
    """Run the load that the command line names."""
    name, arguments = sys.argv[1:]
    signal.alarm(int(LOAD_SECONDS))  # so that every load ends
    gc.disable()  # its pauses would look like the server's
    load = partial(LOADS[name], **json.loads(arguments))
    try:
        counted = load(steady=lambda: print(STEADY, flush=True))
    except OSError as error:  # of a connection, so the server did not serve as it should
        raise Unmeasurable(f"a connection failed: {error}") from error
    print(json.dumps(counted), flush=True)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
