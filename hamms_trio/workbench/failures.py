"""Failure modes as the answers of mocks.

A failure mode needs the connection itself. As long as the engine can't hand one over, a mock that names a mode is
refused on creation, so that no document promises what does not happen.
"""

from __future__ import annotations


def check_fail(fail: str) -> None:
    """Refuse a failure mode as an answer.

    Raises:
        ValueError: always, at present.
    """
    raise ValueError(
        f"failure modes can't answer a mock here yet: point the client at the port of {fail!r}"
    )
