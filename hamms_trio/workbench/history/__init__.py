"""The history: every answered request without its credentials, in pages and by filters."""

from hamms_trio.workbench.history.pages import History as History, page_query as page_query
from hamms_trio.workbench.history.record import RecordedExchange as RecordedExchange
