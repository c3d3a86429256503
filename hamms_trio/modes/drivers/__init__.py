"""Drivers: each handles a connection in its own way before a failure mode acts."""

from hamms_trio.modes.drivers.driver import Driver as Driver
from hamms_trio.modes.drivers.http1 import HTTP1 as HTTP1, play as play
from hamms_trio.modes.drivers.https import (
    HTTPS as HTTPS,
    Https as Https,
    over_tls as over_tls,
    over_tls_if_spoken as over_tls_if_spoken,
)
from hamms_trio.modes.drivers.raw import RAW as RAW, serve_healthily as serve_healthily
from hamms_trio.modes.drivers.refuse import BLACKHOLE as BLACKHOLE, REFUSE as REFUSE
from hamms_trio.modes.drivers.socks import (
    NO_AUTHENTICATION as NO_AUTHENTICATION,
    SOCKS as SOCKS,
    receive_greeting as receive_greeting,
    receive_order as receive_order,
    reply as reply,
)
from hamms_trio.modes.drivers.tls import (
    TLS as TLS,
    TLS_AT_ONCE as TLS_AT_ONCE,
    Tls as Tls,
    at_tls_port as at_tls_port,
    play_within as play_within,
    serve_over_tls as serve_over_tls,
)
