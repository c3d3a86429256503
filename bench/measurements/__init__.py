"""The measurements, one subject to a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.effort import Effort
from bench.figures import Figure
from bench.measurements.busy import busy
from bench.measurements.churn import churn
from bench.measurements.doors import doors
from bench.measurements.drip import drip
from bench.measurements.engine import engine
from bench.measurements.fixture import fixture
from bench.measurements.growth import growth
from bench.measurements.hold import hold
from bench.measurements.idle import idle
from bench.measurements.injection import injection
from bench.measurements.neighbours import neighbours
from bench.measurements.page import page
from bench.measurements.proxied import proxied
from bench.measurements.records import records
from bench.measurements.request_cpu import requests, wrk
from bench.measurements.resets import resets
from bench.measurements.startup import startup
from bench.measurements.static import static
from bench.measurements.status import status
from bench.measurements.streams import streams
from bench.measurements.tls import tls
from bench.trials import Trials

Measurement = Callable[[Effort], Sequence[Figure | Trials]]

MEASUREMENTS: dict[str, Measurement] = {
    measurement.__name__: measurement
    for measurement in (
        hold,
        drip,
        churn,
        requests,
        wrk,
        records,
        status,
        doors,
        streams,
        engine,
        proxied,
        busy,
        static,
        tls,
        idle,
        growth,
        neighbours,
        startup,
        fixture,
        resets,
        injection,
        page,
    )
}
