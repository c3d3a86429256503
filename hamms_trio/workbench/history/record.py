"""The record of one exchange as a JSON document; rendered in the store's thread."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence

import msgspec

from hamms_trio.recording.store import HistoryRow
from hamms_trio.workbench.live.redact import redact_body, redact_fields, redact_query
from hamms_trio.workbench.routing.documents import Document
from hamms_trio.workbench.routing.received import Pair, ReceivedRequest
from hamms_trio.workbench.times import timestamp

KEPT_ANSWER = 65_536  # octets of an answer's body that are recorded
UNREADABLE = "-"  # method and path of a request that could not be read


class RecordedExchange(msgspec.Struct, gc=False):
    """An answered request, as the server saw it.

    Attributes:
        target: the request target, as it was sent.
        body: the whole content of the request.
        answer_body: the content of the answer, or None if the server did not keep it.
        latency: seconds.
        status: 0 if a failure mode answered without a status line.
        failure_mode: the failure mode that answered, as the mock names it; "" for none.
    """

    request_id: str
    method: str
    target: str
    status: int
    at_ms: int
    latency: float
    octets_in: int
    octets_out: int
    fields: Sequence[Pair] = ()
    body: bytes = b""
    http_version: str = "HTTP/1.1"
    answer_fields: Sequence[Pair] = ()
    answer_body: bytes | None = None
    failure_mode: str = ""

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    def row(self) -> HistoryRow:
        """Return the row that the store keeps."""
        document = msgspec.json.encode(self.document(), order="sorted")
        return HistoryRow(
            self.at_ms, self.request_id, self.method, self.path, self.status, document
        )

    def document(self) -> Document:
        """Return the record as the API shows it, without credentials."""
        document: Document = {
            "request_id": self.request_id,
            "trace_id": self.request_id,
            "method": self.method,
            "path": self.path,
            "status": self.status,
            "latency_ms": round(self.latency * 1000, 3),
            "bytes_in": self.octets_in,
            "bytes_out": self.octets_out,
            "ts": timestamp(self.at_ms),
            "replay_input": {},
        }
        if self.method != UNREADABLE:
            document["replay_input"] = self._replay_input()
        if self.failure_mode:
            document["failure_mode"] = self.failure_mode
        if self.answer_body is not None:
            document["response"] = self._response(self.answer_body)
        return document

    def _replay_input(self) -> Document:
        path, mark, query = self.target.partition("?")
        headers = combined(redact_fields(self.fields))
        body = redact_body(self.body, headers.get("content-type", ""))
        target = f"{path}{mark}{redact_query(query)}"
        is_redacted = body != self.body or target != self.target
        return {
            "method": self.method,
            "path": path,
            "raw_target": target,
            "http_version": self.http_version,
            "headers": headers,
            **written(body),
            **({"redacted": True} if is_redacted else {}),
        }

    def _response(self, body: bytes) -> Document:
        headers = combined(redact_fields(self.answer_fields))
        cut = body[:KEPT_ANSWER]
        content = {} if len(cut) == len(body) else {"truncated": True}
        shown = redact_body(cut, headers.get("content-type", ""))
        return {"status": self.status, "headers": headers, **written(shown), **content}


def combined(fields: Sequence[Pair]) -> dict[str, str]:
    """Return header fields by lower-case name, with the lines of one name combined."""
    return ReceivedRequest("", "", fields=fields).fields


def written(body: bytes) -> Document:
    """Return the members of a document that hold a body: text, or base64 if the body is not UTF-8."""
    try:
        return {"body": body.decode()}
    except UnicodeDecodeError:
        return {"body": b64encode(body).decode(), "body_encoding": "base64"}


def content_of(document: Document) -> bytes:
    """Return the body that the members hold (see `written`).

    Raises:
        ValueError: the body is not base64, though the document says so.
    """
    body = str(document.get("body", ""))
    if document.get("body_encoding") == "base64":
        return b64decode(body, validate=True)
    return body.encode()


def received(document: Document) -> ReceivedRequest:
    """Return the request of a record, in the form that matchers read."""
    asked = document.get("replay_input")
    if not isinstance(asked, dict) or not asked:
        return ReceivedRequest(str(document["method"]), str(document["path"]))
    headers = asked["headers"]
    assert isinstance(headers, dict)
    query = str(asked["raw_target"]).partition("?")[2]
    body = content_of(asked)
    return ReceivedRequest(str(asked["method"]), str(asked["path"]), query, headers.items(), body)
