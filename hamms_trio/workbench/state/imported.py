"""State files of the reference: mocks and history, scenarios and runs, targets."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex

import msgspec

from hamms_trio.errors import StateUnusable
from hamms_trio.recording.store import HistoryRow, Store
from hamms_trio.workbench.history.record import UNREADABLE, RecordedExchange
from hamms_trio.workbench.mocks.collection import Mocks
from hamms_trio.workbench.mocks.model import Mock
from hamms_trio.workbench.routing.documents import Document, read_json, show
from hamms_trio.workbench.routing.problems import Problem
from hamms_trio.workbench.scenarios import ScenarioLimits, read_scenario
from hamms_trio.workbench.times import instant

IMPORTED = "imported"  # the kind of the records that name the imported files
# A list in the file, and the kind of record that its items become.
LIST_KINDS = {
    "mocks": "mock",
    "history": "request",
    "scenarios": "scenario",
    "runs": "run",
    "targets": "target",
}
MAX_OCTETS = 1024 * 1024 * 1024

_ANY_SIZE = ScenarioLimits(steps=10_000, assertions=10_000)
_MOCK_MEMBERS = frozenset(Mock.__struct_fields__)


@dataclass
class Import:
    """The content of a state file.

    Attributes:
        items: by the name of their list.
        dropped: a sentence for everything that can't be imported.
    """

    items: dict[str, list[Document]] = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)

    @property
    def summary(self) -> str:
        """The numbers of items in words."""
        counts = [f"{len(items)} {name}" for name, items in self.items.items() if items]
        return ", ".join(counts) or "nothing"


class _ReplayInput(msgspec.Struct):
    raw_target: str = ""
    http_version: str = "HTTP/1.1"
    headers: dict[str, str] = {}
    body: str = ""


class _Record(msgspec.Struct, kw_only=True):
    request_id: str
    method: str = UNREADABLE
    path: str = UNREADABLE
    status: int
    latency_ms: float = 0.0
    bytes_in: int = 0
    bytes_out: int = 0
    ts: str
    replay_input: _ReplayInput | None = None


def read_state(path: str | os.PathLike[str]) -> Import:
    """Read a state file of the reference.

    Raises:
        StateUnusable: the file can't be read, or is not such a file.
    """
    try:
        if Path(path).stat().st_size > MAX_OCTETS:
            raise StateUnusable(f"the state file {path} has more than {MAX_OCTETS} octets")
        document = read_json(Path(path).read_bytes())
    except OSError as error:
        raise StateUnusable(f"the state file {path} can't be read: {error}") from error
    except Problem as problem:
        raise StateUnusable(f"the state file {path} can't be read: {problem}") from None
    if not isinstance(document, dict):
        raise StateUnusable(f"the state file {path} must have an object, not {show(document)}")
    read = Import()
    for name, listed in document.items():
        if name in LIST_KINDS:
            if not isinstance(listed, list):
                raise StateUnusable(
                    f"the state file {path}: {name} must be a list, not {show(listed)}"
                )
            read.items[name] = _objects(name, listed, read.dropped)
        elif name != "version":
            read.dropped.append(f"{name} is not a known list")
    if not read.items:
        raise StateUnusable(f"the state file {path} has none of the lists {', '.join(LIST_KINDS)}")
    return read


async def import_state(read: Import, store: Store, mocks: Mocks) -> list[str]:
    """Put the content of a state file into the store.

    Returns:
        A sentence for everything that was dropped.

    Raises:
        StoreUnavailable
        Problem: there are more mocks than the limit.
    """
    dropped = list(read.dropped)
    kept = [_known_mock(document, dropped) for document in read.items.get("mocks", ())]
    accepted = (_read_mock(document, mocks, dropped) for document in kept)
    await mocks.add_all([mock for mock in accepted if mock is not None])
    for number, document in enumerate(read.items.get("history", ())):
        try:
            store.note_request(_Ready(_exchange(document).row()))
        except (msgspec.ValidationError, ValueError) as error:
            dropped.append(f"history[{number}]: {error}")
    _drop_refused_scenarios(read.items.get("scenarios", []), dropped)
    for name in ("scenarios", "runs", "targets"):
        documents = [
            (str(item.get("id") or item.get("run_id") or token_hex(6)), msgspec.json.encode(item))
            for item in read.items.get(name, ())
        ]
        if documents:
            await store.put_all(LIST_KINDS[name], documents)
    return dropped


async def import_once(
    path: str | os.PathLike[str], store: Store, mocks: Mocks
) -> tuple[Import, list[str]] | None:
    """Import a state file; return None if the file is missing or was imported before.

    Raises:
        StateUnusable: the file can't be read.
        StoreUnavailable
        Problem: there are more mocks than the limit.
    """
    whole = os.path.realpath(path)  # noqa: ASYNC240 # once, before the server serves anybody
    if not os.path.exists(whole):  # noqa: ASYNC240 # likewise
        return None
    if whole in dict(await store.records(IMPORTED)):
        return None
    read = read_state(path)
    dropped = await import_state(read, store, mocks)
    await store.put(IMPORTED, whole, b"{}")
    return read, dropped


class _Ready(msgspec.Struct):
    """A row that was rendered already."""

    rendered: HistoryRow

    def row(self) -> HistoryRow:
        return self.rendered


def _objects(name: str, listed: list[object], dropped: list[str]) -> list[Document]:
    kept: list[Document] = []
    for number, item in enumerate(listed):
        if isinstance(item, dict):
            kept.append(item)
        else:
            dropped.append(f"{name}[{number}] is not an object but {show(item)}")
    return kept


def _known_mock(document: Document, dropped: list[str]) -> Document:
    """Return a mock without the members that no mock has."""
    unknown = sorted(document.keys() - _MOCK_MEMBERS)
    dropped += [f"mock {show(document.get('id'))}: the member {show(name)}" for name in unknown]
    return {name: value for name, value in document.items() if name in _MOCK_MEMBERS}


def _read_mock(document: Document, mocks: Mocks, dropped: list[str]) -> Mock | None:
    try:
        return mocks.read(document)
    except Problem as problem:
        dropped.append(f"mock {show(document.get('id'))}: {problem.message}")
        return None


def _drop_refused_scenarios(documents: list[Document], dropped: list[str]) -> None:
    """Remove the scenarios that could not be created; their modes of chaos are checked when they are loaded."""
    for document in list(documents):
        try:
            reading = read_scenario(document, limits=_ANY_SIZE, check_fail=lambda _: None)
        except Problem as problem:
            dropped.append(f"scenario {show(document.get('id'))}: {problem.message}")
            documents.remove(document)
        else:
            dropped += [f"scenario {show(document.get('id'))}: {name}" for name in reading.dropped]


def _exchange(document: Document) -> RecordedExchange:
    record = msgspec.convert(document, _Record, strict=False)
    asked = record.replay_input
    has_input = asked is not None and bool(asked.raw_target)
    return RecordedExchange(
        record.request_id,
        record.method if has_input else UNREADABLE,
        asked.raw_target if asked is not None and has_input else record.path,
        record.status,
        instant(record.ts),
        record.latency_ms / 1000,
        record.bytes_in,
        record.bytes_out,
        list(asked.headers.items()) if asked else (),
        asked.body.encode() if asked else b"",
        asked.http_version if asked else "HTTP/1.1",
    )
