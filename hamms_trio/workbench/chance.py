"""The seed rule of the workbench: a decision depends on a seed and a position, and on nothing else."""

from __future__ import annotations

from random import Random
from typing import Annotated

from msgspec import Meta

ChaosSeed = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]


def strikes(share: float, seed: int, index: int) -> bool:
    """Return True if the request at ``index``, counted from 0, is within the share.

    The first number of ``Random(seed + index)`` decides, as in the reference's scenarios, so that the same
    seed gives the same series whatever runs beside it. A share of 0 never strikes.
    """
    return share > 0 and Random(seed + index).random() <= share
