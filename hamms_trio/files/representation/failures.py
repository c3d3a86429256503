"""The answers to requests for files that can't be opened."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import TypeVar

from hamms_trio.errors import MalformedRequest
from hamms_trio.files.disk.root import OutsideRoot
from hamms_trio.files.representation.answer import FileAnswer, answer_plainly

T = TypeVar("T")

_STATUSES = {
    errno.ENOENT: 404,
    errno.ENOTDIR: 404,
    errno.EISDIR: 404,
    errno.ENAMETOOLONG: 404,
    errno.ELOOP: 404,
    errno.EACCES: 403,
    errno.EPERM: 403,
    errno.EMFILE: 503,
    errno.ENFILE: 503,
}
_RETRY_AFTER = ("Retry-After", "1")  # seconds; other connections free descriptors all the time


def answer_failures(method: str, attempt: Callable[[], T], *, outside: int = 403) -> T | FileAnswer:
    """Return the result of ``attempt``, or the answer to its failure.

    Args:
        method: the request's method.
        attempt: opens a file, for example.
        outside: the status for a path that leads out of the directory.

    Raises:
        OSError: the failure is not the request's fault; a disk may have failed, for example.
    """
    try:
        return attempt()
    except MalformedRequest as error:
        return answer_plainly(method, error.status)
    except OutsideRoot:
        return answer_plainly(method, outside)
    except OSError as error:
        status = _STATUSES.get(error.errno or 0)
        if status is None:
            raise
        return answer_plainly(method, status, *([_RETRY_AFTER] if status == 503 else []))
