"""The routes of the codecrafters.io HTTP server challenge, as functions of a request.

They take GET and HEAD alike; which methods a route has is for its routing to say.
"""

from __future__ import annotations

import logging
import stat
import zlib
from time import time

from hamms_trio.files.answer import (
    NOSNIFF,
    Answer,
    answer_octets,
    answer_plainly,
    represent,
)
from hamms_trio.files.content_types import OCTET_STREAM
from hamms_trio.files.failures import answer_failures
from hamms_trio.files.root import Root
from hamms_trio.files.storing import store
from hamms_trio.files.variants import Variant, representation, validators
from hamms_trio.wire import RequestHead, scan_for
from hamms_trio.wire.fields.codings import IDENTITY, coding_quality
from hamms_trio.wire.fields.conditional import CONDITIONAL_FIELDS, evaluate

log = logging.getLogger(__name__)

_TEXT = ("Content-Type", "text/plain")  # the challenge wants no charset
_PRECONDITIONS = scan_for(*sorted(CONDITIONAL_FIELDS))
_FIELDS = scan_for(*sorted(CONDITIONAL_FIELDS), "range")


def echo(request: RequestHead, text: str) -> Answer:
    """``/echo/{text}``: the text, gzip-coded for who accepts that.

    Args:
        text: as it stands in the path: encoded, and with slashes.
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


def user_agent(request: RequestHead) -> Answer:
    """``/user-agent``: what the request's User-Agent says, or nothing."""
    content = (request.get("user-agent") or "").encode("latin-1")
    return answer_octets(request.method, 200, (_TEXT, NOSNIFF, ("Vary", "User-Agent")), content)


def read_file(root: Root | None, request: RequestHead, name: str) -> Answer:
    """``GET /files/{name}``: a file of the directory, as octets and nothing more.

    Args:
        root: without one nothing is found.
        name: as it stands in the path; what has another name, or leads out of the directory, isn't there.

    Raises:
        OSError: a failure that says nothing about the request, of a disk for one.
    """
    if root is None or not _is_name(name):
        return answer_plainly(request.method, 404)

    def read() -> Answer:
        now = time()
        variant = Variant(root.open_file([name.encode()]), IDENTITY)
        shown = representation(variant, OCTET_STREAM, now=now)
        fields = request.combined(_FIELDS)
        return represent(request.method, fields, shown, variant.file.descriptor, now=now)

    return answer_failures(request.method, read, outside=404)


def write_file(root: Root | None, request: RequestHead, name: str, content: bytes) -> Answer:
    """``POST /files/{name}``: write such a file, whole or not at all; waits for the disk.

    Preconditions are about the file that would be replaced (RFC 9110 §13.2.2).
    """
    if root is None or not _is_name(name):
        return answer_plainly(request.method, 404)
    refusal = answer_failures(
        request.method, lambda: _refusal(root, request, name.encode()), outside=404
    )
    if refusal is not None:
        return refusal
    try:
        store(root, name.encode(), content)
    except OSError as error:
        log.error("can't write the file %s: %s", name, error)
        return answer_plainly(request.method, 500)
    return answer_octets(request.method, 201, (), b"")


def _refusal(root: Root, request: RequestHead, name: bytes) -> Answer | None:
    """Why a file must not be written; of one that is no file, that it isn't there."""
    fields = request.combined(_PRECONDITIONS)
    try:
        status = root.status([name])
    except FileNotFoundError:
        failed = "if-match" in fields  # even of * if there is nothing (RFC 9110 §13.1.1)
    else:
        if not stat.S_ISREG(status.st_mode):
            return answer_plainly(request.method, 404)
        now = time()
        failed = evaluate(request.method, fields, validators(status, now=now), now=now) is not None
    return answer_plainly(request.method, 412) if failed else None


def _is_name(name: str) -> bool:
    return name not in ("", ".", "..") and "/" not in name and "\\" not in name


def _gzip(content: bytes) -> bytes:
    """The gzip coding without a time of its own, so that equal texts give equal octets."""
    coder = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    return coder.compress(content) + coder.flush()
