"""Drivers: each meets a client in its own way before a failure mode acts."""

from hamms_trio.modes.drivers.driver import Driver as Driver
from hamms_trio.modes.drivers.http1 import HTTP1 as HTTP1, play as play
from hamms_trio.modes.drivers.raw import RAW as RAW, serve_healthily as serve_healthily
from hamms_trio.modes.drivers.refuse import BLACKHOLE as BLACKHOLE, REFUSE as REFUSE
from hamms_trio.modes.drivers.tls import (
    TLS as TLS,
    TLS_AT_ONCE as TLS_AT_ONCE,
    Tls as Tls,
    serve_over_tls as serve_over_tls,
)
