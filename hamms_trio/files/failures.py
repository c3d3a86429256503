"""Answers to requests whose file can't be opened."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import TypeVar

from hamms_trio.errors import MalformedRequest
from hamms_trio.files.answer import Answer, answer_plainly
from hamms_trio.files.root import OutsideRoot

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
_RETRY_AFTER = ("Retry-After", "1")  # descriptors are freed all the time


def answer_failures(method: str, attempt: Callable[[], T], *, outside: int = 403) -> T | Answer:
    """Return the result of ``attempt``, or the answer to its failure.

    Args:
        outside: the status for paths that lead out of the directory.

    Raises:
        OSError: the failure says nothing about the request.
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
