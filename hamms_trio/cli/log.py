"""Log lines on standard error, for people or as JSON lines.

Whoever reads standard error may be slow, or not read at all, and must not hold up the server, nor its
end. So records wait in a bounded queue for a thread that writes them.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import queue
import threading
import time

PLAIN = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
WAITING_RECORDS = 10_000  # then the newest are dropped
LAST_WORDS_SECONDS = 0.5  # how long the end of the process waits for the reader
STDERR = 2


class JsonLines(logging.Formatter):
    """One JSON object for each record."""

    converter = staticmethod(time.gmtime)  # what the format says is UTC

    def format(self, record: logging.LogRecord) -> str:
        content: dict[str, object] = {
            "time": f"{self.formatTime(record, '%Y-%m-%dT%H:%M:%S')}.{int(record.msecs):03}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            content["traceback"] = self.formatException(record.exc_info)
        return json.dumps(content, ensure_ascii=False, default=str)


class QueuedWriter(logging.Handler):
    """Writes to a descriptor from a thread of its own; never waits and never raises."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._waiting: queue.Queue[logging.LogRecord | None] = queue.Queue(WAITING_RECORDS)
        self._thread = threading.Thread(target=self._write, name="log", daemon=True)
        self._thread.start()
        atexit.register(self._finish)

    def emit(self, record: logging.LogRecord | None) -> None:
        try:
            self._waiting.put_nowait(record)
        except queue.Full:
            return

    def _write(self) -> None:
        while (record := self._waiting.get()) is not None:
            line = (self.format(record) + "\n").encode("utf-8", "backslashreplace")
            try:
                while line:
                    line = line[os.write(self._descriptor, line) :]
            except OSError:  # nobody reads any more
                return

    def _finish(self) -> None:
        self.emit(None)
        self._thread.join(LAST_WORDS_SECONDS)


def configure_logging(log_format: str, *, verbose: bool) -> None:
    """Send log records to standard error, without ever making the server wait for its reader."""
    handler = QueuedWriter(STDERR)
    handler.setFormatter(JsonLines() if log_format == "json" else logging.Formatter(PLAIN))
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, handlers=[handler])
