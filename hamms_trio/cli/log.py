"""Log lines on standard error, for people or as JSON lines."""

from __future__ import annotations

import json
import logging
import time

PLAIN = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


class JsonLines(logging.Formatter):
    """One JSON object for each record."""

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

    converter = staticmethod(time.gmtime)  # what the format says is UTC


def configure_logging(log_format: str, *, verbose: bool) -> None:
    """Send log records to standard error, without ever making the server wait for its reader."""
    formatter = JsonLines() if log_format == "json" else logging.Formatter(PLAIN)
    handler: logging.Handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    if verbose:
        from hamms_trio.cli.log_queue import behind_queue

        handler = behind_queue(handler)
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, handlers=[handler])
