"""The store: one interface, and its implementation with an SQLite file."""

from hamms_trio.recording.store.seam import (
    HistoryBounds as HistoryBounds,
    HistoryQuery as HistoryQuery,
    HistoryRow as HistoryRow,
    PendingRow as PendingRow,
    Store as Store,
    StoredFault as StoredFault,
    StoreHealth as StoreHealth,
    TrendRow as TrendRow,
    TrendStore as TrendStore,
)
from hamms_trio.recording.store.sqlite import SqliteStore as SqliteStore, open_store as open_store
