"""The catalogue of failure modes as a table, as text, as JSON and as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hamms_trio.app import BEGINNING_PORT
from hamms_trio.lab.doors import Door, ports_of
from hamms_trio.lab.shared.family_door import FAMILY_PORTS
from hamms_trio.lab.shared.labels import MODE_PREFIX
from hamms_trio.lab.shared.universal import PATH_OFFSET
from hamms_trio.modes import Catalogue
from hamms_trio.modes.model.parameters import Parameter

# Names from the wish list of hamms, for modes that have other names here.
HAMMS_WORDS = {
    "frame-cl-long": "full response then more data",
    "type-missing": "no content type",
    "type-wrong": "wrong content type",
    "tcp-corrupt-bytes": "random octets byte bytes dropped drops",
    "tcp-drop-1-of-10": "1 of 10 requests dropped drops",
    "tcp-drop-1-of-100": "1 of 100 requests dropped drops",
    "head-1m": "1 MB 1MB of header fields headers",
    "head-10m": "10 MB 10MB of header fields headers",
    "status-binary": "binary byte data",
}
CONTROL = "the same with the one fault mended, which a client must accept"
PATH_DOOR_URL = f"http://127.0.0.1:{BEGINNING_PORT + PATH_OFFSET}{MODE_PREFIX}"


def listed_doors(catalogue: Catalogue) -> list[Door]:
    """List every door with a port, in port order, and then the modes without a port."""
    doors = ports_of(catalogue)
    with_port = {door.slug for door in doors}
    return doors + [Door(m.slug, m) for m in catalogue.values() if m.slug not in with_port]


def find_door(catalogue: Catalogue, wanted: str) -> Door:
    """Find a door by its name or port, or the default door of a mode by slug or alias.

    Raises:
        UnknownMode: no door or mode has this name.
    """
    doors = listed_doors(catalogue) + _flagships(catalogue)
    by_name = {door.name: door for door in doors}
    by_port = {port(door): door for door in doors if door.offset is not None}
    if wanted in by_port or wanted in by_name:
        return by_port.get(wanted) or by_name[wanted]
    slug = catalogue.names.with_doors(dict.fromkeys(by_name)).slug(wanted)
    return by_name[str(slug)]


def _flagships(catalogue: Catalogue) -> list[Door]:
    """Return the flagship of each family at the family's port."""
    return [
        Door(f"family-{row.family}", catalogue[row.flagship], offset=row.offset)
        for row in FAMILY_PORTS
        if row.flagship in catalogue
    ]


def selected(
    doors: Iterable[Door], *, word: str | None, family: str | None, level: str | None
) -> list[Door]:
    """Select the doors of this family and level whose modes have each of these words somewhere."""
    words = (word or "").lower().split()
    return [
        door
        for door in doors
        if family in (None, door.mode.family)
        and level in (None, door.mode.client.level.value.lower())
        and all(each in _text_of(door) for each in words)
    ]


def _text_of(door: Door) -> str:
    """Return all words that a search can find, in lower case."""
    mode = door.mode
    parameters = (parameter.name for parameter in mode.parameters)
    words = (door.name, mode.slug, *mode.aliases, mode.family, mode.description, *parameters)
    return " ".join((*words, *mode.issues, HAMMS_WORDS.get(door.name, ""))).lower()


def port(door: Door) -> str:
    """Return the door's port at the usual beginning port, or a dash."""
    return "-" if door.offset is None else str(BEGINNING_PORT + door.offset)


def as_lines(doors: Sequence[Door]) -> list[str]:
    """List the doors as lines: a heading, then port, name and summary of each."""
    return table((port(door), door.name, door.summary) for door in doors)


def table(rows: Iterable[tuple[str, str, str]]) -> list[str]:
    """Format rows of port, name and summary as lines below a heading."""
    rows = [("port", "mode", "what it does"), *rows]
    width = max(len(name) for _, name, _ in rows)
    return [f"{port:>5}  {name:{width}}  {summary}" for port, name, summary in rows]


def as_text(door: Door) -> str:
    """Describe a door and its failure mode as text."""
    mode = door.mode
    lines = [
        f"{door.name} (family {mode.family}, {_where(door)})",
        "",
        mode.description.replace("``", "`"),
        "",
        f"The mode acts {mode.driver.acts}.",
        *mode.client.sentences,
        *([f"Its control is `{mode.control}`: {CONTROL}."] if mode.control else []),
        *([f"Not available on this system: {mode.obstacle}."] if mode.obstacle else []),
        *(f"Reported: {link}" for link in mode.links),
    ]
    if mode.aliases:
        lines.append(f"Aliases: {', '.join(mode.aliases)}.")
    if mode.parameters:
        how = "given by the door" if mode.needs_port else "in the query"
        lines += ["", f"Parameters, {how}:"]
        lines += [f"  {_parameter_line(parameter, door)}" for parameter in mode.parameters]
    return "\n".join(lines)


def as_json(door: Door) -> dict[str, object]:
    """Return everything known about a door and its mode, in the form of the control API."""
    from msgspec import to_builtins  # only now, because the other forms need nothing of it

    from hamms_trio.control.describing import describe_mode

    port = None if door.offset is None else BEGINNING_PORT + door.offset
    described: dict[str, object] = to_builtins(describe_mode(door, port))
    return described


def _where(door: Door) -> str:
    if door.offset is not None:
        return f"port {port(door)}"
    return (
        "a port of its own, by `open()`" if door.mode.needs_port else f"{MODE_PREFIX}{door.name}/"
    )


def _parameter_line(parameter: Parameter, door: Door) -> str:
    default = door.given.get(parameter.name, parameter.default)
    return f"{parameter.name}: {parameter.takes}; default {_text(default)}"


def _text(default: object) -> str:
    return "the server's" if default is None else f"{default}"
