"""The routes of the codecrafters.io HTTP server challenge, as functions of a request.

Each function answers GET and HEAD alike; the table of routes decides which methods a route has.
"""

from __future__ import annotations

import logging
import stat
import zlib
from collections.abc import Callable, Mapping
from time import time

from hamms_trio.files.disk.root import Root
from hamms_trio.files.disk.storing import store
from hamms_trio.files.representation.answer import (
    NOSNIFF,
    FileAnswer,
    answer_octets,
    answer_plainly,
    represent,
)
from hamms_trio.files.representation.content_types import OCTET_STREAM
from hamms_trio.files.representation.failures import answer_failures
from hamms_trio.files.representation.variants import Variant, representation, validators
from hamms_trio.wire import RequestHead, scan_for
from hamms_trio.wire.fields.codings import IDENTITY, coding_quality
from hamms_trio.wire.fields.conditional import CONDITIONAL_FIELDS, evaluate

log = logging.getLogger(__name__)

_TEXT = ("Content-Type", "text/plain")  # the challenge's tests accept no charset
_PRECONDITIONS = scan_for(*sorted(CONDITIONAL_FIELDS))
_FIELDS = scan_for(*sorted(CONDITIONAL_FIELDS), "range")


def echo(request: RequestHead, text: str) -> FileAnswer:
    """Answer ``/echo/{text}`` with the text, in the gzip coding if the client accepts that.

    Args:
        request: the request's head.
        text: the rest of the path, still encoded and with its slashes.
    """
    accept, vary = request.get("accept-encoding"), ("Vary", "Accept-Encoding")
    plain, coded = coding_quality(accept, IDENTITY), coding_quality(accept, "gzip")
    content = text.encode("latin-1")
    if coded and coded >= plain:
        fields = (_TEXT, ("Content-Encoding", "gzip"), NOSNIFF, vary)
        return answer_octets(request.method, 200, fields, _gzip(content))
    if not plain:
        return answer_plainly(request.method, 406, vary)
    return answer_octets(request.method, 200, (_TEXT, NOSNIFF, vary), content)


def user_agent(request: RequestHead) -> FileAnswer:
    """Answer ``/user-agent`` with the request's User-Agent, or with no content."""
    content = (request.get("user-agent") or "").encode("latin-1")
    return answer_octets(request.method, 200, (_TEXT, NOSNIFF, ("Vary", "User-Agent")), content)


def read_file(
    root: Root | None, request: RequestHead, name: str, *, clock: Callable[[], float] = time
) -> FileAnswer:
    """Answer ``GET /files/{name}`` with a file of the directory, as plain octets.

    Args:
        root: the directory; without one no file is found.
        request: the request's head.
        name: the last segment of the path, undecoded; a name that leads out of the directory is not found.
        clock: returns seconds since 1970.

    Raises:
        OSError: the failure is not the request's fault; a disk may have failed, for example.
    """
    if root is None or not _is_name(name):
        return answer_plainly(request.method, 404)

    def read() -> FileAnswer:
        now = clock()
        variant = Variant(root.open_file([name.encode()]), IDENTITY)
        shown = representation(variant, OCTET_STREAM, now=now)
        fields = request.combined(_FIELDS)
        return represent(request.method, fields, shown, variant.file.descriptor, now=now)

    return answer_failures(request.method, read, outside=404)


def write_file(
    root: Root | None,
    request: RequestHead,
    name: str,
    content: bytes,
    *,
    clock: Callable[[], float] = time,
) -> FileAnswer:
    """Write a file for ``POST /files/{name}``, whole or not at all; wait for the disk.

    Preconditions concern the file that would be replaced (RFC 9110 §13.2.2), and no other request to this
    process changes that file between the check and the write.
    """
    if root is None or not _is_name(name):
        return answer_plainly(request.method, 404)
    octets, fields = name.encode(), request.combined(_PRECONDITIONS)

    def refuse() -> FileAnswer | None:
        return answer_failures(
            request.method,
            lambda: _refusal(root, request.method, fields, octets, clock()),
            outside=404,
        )

    refusal = refuse()  # before the content is written for nothing
    if refusal is not None:
        return refusal
    must_create = fields.get("if-none-match") == "*"
    try:
        refusal = store(root, octets, content, refuse, must_create=must_create)
    except FileExistsError:
        refusal = answer_plainly(request.method, 412)
    except OSError as error:
        log.error("can't write the file %s: %s", name, error)
        return answer_plainly(request.method, 500)
    return answer_octets(request.method, 201, (), b"") if refusal is None else refusal


def _refusal(
    root: Root, method: str, fields: Mapping[str, str], name: bytes, now: float
) -> FileAnswer | None:
    """Answer 412 if a precondition is false, and 404 if the name is not a file's."""
    try:
        status = root.status([name])
    except FileNotFoundError:
        failed = "if-match" in fields  # even * needs a file (RFC 9110 §13.1.1)
    else:
        if not stat.S_ISREG(status.st_mode):
            return answer_plainly(method, 404)
        failed = evaluate(method, fields, validators(status, now=now), now=now) is not None
    return answer_plainly(method, 412) if failed else None


def _is_name(name: str) -> bool:
    return name not in ("", ".", "..") and "/" not in name and "\\" not in name


def _gzip(content: bytes) -> bytes:
    """Code octets by gzip, without a time in the header, so that equal texts give equal octets."""
    coder = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    return coder.compress(content) + coder.flush()
