"""Log lines on standard error, as plain text or JSON."""

from __future__ import annotations

import atexit
import json
import logging
import time

from hamms_trio.line_writer import STDERR, LineWriter

PLAIN_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


class JsonLines(logging.Formatter):
    """A formatter that writes each record as one JSON object."""

    converter = staticmethod(time.gmtime)  # the Z in the format means UTC

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


class LineWriterHandler(logging.Handler):
    """A handler that gives each record to a line writer."""

    def __init__(self, writer: LineWriter) -> None:
        super().__init__()
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:  # one thread at a time: see Handler.handle
        self._writer.put((self.format(record) + "\n").encode("utf-8", "backslashreplace"))


def configure_logging(log_format: str, *, verbose: bool) -> None:
    """Send log records to standard error; a slow reader never makes the server wait."""
    writer = LineWriter(STDERR, "log")
    atexit.register(writer.close)
    handler = LineWriterHandler(writer)
    handler.setFormatter(JsonLines() if log_format == "json" else logging.Formatter(PLAIN_FORMAT))
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, handlers=[handler])
