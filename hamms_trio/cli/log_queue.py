"""A bounded queue before a log handler, so that a slow reader of the log slows nobody else."""

from __future__ import annotations

import atexit
import logging
import queue
from logging.handlers import QueueHandler, QueueListener

WAITING_RECORDS = 10_000  # then the newest are dropped


class _DroppingHandler(QueueHandler):
    def enqueue(self, record: logging.LogRecord) -> None:
        try:
            self.queue.put_nowait(record)
        except queue.Full:
            return

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        return record  # it stays in this process: the formatter can do its work in the other thread


def behind_queue(handler: logging.Handler) -> logging.Handler:
    """A handler that never waits, before one that may."""
    waiting: queue.Queue[logging.LogRecord] = queue.Queue(WAITING_RECORDS)
    listener = QueueListener(waiting, handler)
    listener.start()
    atexit.register(listener.stop)
    return _DroppingHandler(waiting)
