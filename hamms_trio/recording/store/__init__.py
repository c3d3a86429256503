"""The store: one seam, and the SQLite file that stands behind it unless another store is given."""

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
