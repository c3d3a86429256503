"""Header sections (RFC 9112 §5): the grammar that requests and responses share.

One pattern matches a head as a whole (see `request` and `response`). The patterns are possessive throughout, so
they never backtrack and a hostile head fails in linear time. Then one scan finds the fields that decide framing and
persistence. All other fields are split on access.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from hamms_trio.wire.grammar import TOKEN

MAX_FIELD_LINES = 256  # Apache's LimitRequestFields and hyper's limit are 100

# No space before the colon (RFC 9112 §5.1), no folding (§5.2); field-vchar, SP and HTAB (RFC 9110 §5.5).
FIELD_LINE = rf"{TOKEN}:[\t\x20-\x7e\x80-\xff]*+"
BARE_LF = re.compile(rb"(?<!\r)\n")
SECTION = rf"(?:{FIELD_LINE}\r\n){{0,{MAX_FIELD_LINES}}}+"
# Fields that a trailer section must not have, since they decide framing or routing (RFC 9110 §6.5.1).
FRAMING_FIELDS = frozenset(("host", "content-length", "transfer-encoding", "connection", "expect"))


def scan_for(*names: str) -> re.Pattern[str]:
    """Compile a scan for the field lines with these names, in a valid head decoded as Latin-1.

    ``findall`` returns names as sent, and values without whitespace around them.
    """
    initials = "".join(sorted({name[0] for name in names}))  # most field lines begin with none
    return re.compile(
        rf"\n(?=[{initials}])({'|'.join(map(re.escape, names))}):[ \t]*+((?:[^\r]*[^\r \t])?)",
        re.IGNORECASE | re.ASCII,
    )


def split_field_line(line: str) -> tuple[str, str]:
    """Return the name and the value of a valid field line."""
    name, _, value = line.partition(":")
    return name, value.strip(" \t")


def list_members(values: Iterable[str]) -> list[str]:
    """Return the members of a list field in lower case, its lines combined (RFC 9110 §5.3), without empty ones.

    A recipient has to ignore empty list elements (RFC 9110 §5.6.1.2).
    """
    members = ",".join(values).lower().split(",")
    return [member for element in members if (member := element.strip(" \t"))]


def excerpt(octets: bytes | str) -> str:
    """Return the first octets as a quoted string with escapes."""
    if isinstance(octets, str):
        octets = octets[:80].encode("latin-1")
    return repr(octets[:80])[1:]
