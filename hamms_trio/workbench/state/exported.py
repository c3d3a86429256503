"""The store in the shape of the reference's JSON state files."""

from __future__ import annotations

import msgspec

from hamms_trio.recording.store import HistoryQuery, Store
from hamms_trio.workbench.history.pages import PAGE, History
from hamms_trio.workbench.mocks.model import Mock, document_of
from hamms_trio.workbench.routing.documents import Document
from hamms_trio.workbench.state.imported import LIST_KINDS

VERSION = 1
# The three files of the reference and the lists in each.
FILES = {
    "playground": ("mocks", "history"),
    "scenarios": ("scenarios", "runs"),
    "targets": ("targets",),
}


async def export_state(store: Store, *names: str) -> Document:
    """Write lists such as ``mocks`` and ``history`` as one document; all lists without names.

    Raises:
        StoreUnavailable
    """
    document: Document = {"version": VERSION}
    for name in names or LIST_KINDS:
        document[name] = await _items(store, name)
    return document


async def _items(store: Store, name: str) -> list[Document]:
    if name == "history":
        history = History(store).documents(HistoryQuery(limit=PAGE))
        return [record async for record in history]
    documents = [octets for _, octets in await store.records(LIST_KINDS[name])]
    if name == "mocks":
        return [document_of(msgspec.json.decode(octets, type=Mock)) for octets in documents]
    return [msgspec.json.decode(octets, type=dict[str, object]) for octets in documents]
