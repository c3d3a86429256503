"""TLS that fails: certificates, versions, handshakes and records, all with an authority of our own.

Certificates of healthy chains name localhost, ``*.hamms.localhost``, 127.0.0.1 and ::1. The control of each mode
is the same handshake with the one fault mended, ``share=0``: a client has to accept that before its error counts.
A mode without a port is found by SNI, or through a proxy by CONNECT; all measurements are of November 2026.
"""

from hamms_trio.modes.families.tls import (
    chains,
    handshakes,
    keys,
    later,
    names,
    protocols,
    records,
    usages,
    versions,
)

MODULES = (chains, names, usages, keys, versions, handshakes, records, later, protocols)
