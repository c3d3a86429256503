"""TLS that fails: certificates, versions, handshakes and records."""

from hamms_trio.modes.families.tls import (
    chains,
    handshakes,
    keys,
    names,
    protocols,
    records,
    usages,
    versions,
)

MODULES = (chains, names, usages, keys, versions, handshakes, records, protocols)
