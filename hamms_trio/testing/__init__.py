"""Tools for tests of failure modes, ours and those of other packages."""

from hamms_trio.testing.contract import (
    check_contract as check_contract,
    check_declaration as check_declaration,
)
from hamms_trio.testing.transcript import (
    check_transcript as check_transcript,
    transcript as transcript,
)

__all__ = ["check_contract", "check_declaration", "check_transcript", "transcript"]
