"""Media types, charsets and payloads that lie, or that nobody asked for (RFC 9110 §8.3, §12.5.1)."""

from hamms_trio.modes.families.type import (
    charsets,
    downloads,
    json_payloads,
    media_types,
    xml_payloads,
)

MODULES = (media_types, charsets, json_payloads, xml_payloads, downloads)
