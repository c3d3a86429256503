"""The reference's JSON state files: imported into the store, and exported from it."""

from hamms_trio.workbench.state.exported import export_state as export_state
from hamms_trio.workbench.state.imported import (
    Import as Import,
    import_once as import_once,
    read_state as read_state,
)
