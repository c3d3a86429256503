"""The failure modes. One module per family; a new family is named here, once."""

from hamms_trio.modes import (
    frame,
    grpcweb,
    head,
    llm,
    mcp,
    ndjson,
    pace,
    retry,
    sse,
    status,
    tcp,
    type,
)
from hamms_trio.modes.catalogue import Catalogue as Catalogue
from hamms_trio.modes.declare import FailureMode as FailureMode
from hamms_trio.modes.installed import installed_modes

CATALOGUE = Catalogue(tcp, frame, head, status, pace, retry, type, llm, sse, ndjson, mcp, grpcweb)


def known_modes() -> Catalogue:
    """Our own failure modes, and those of installed packages.

    Raises:
        CatalogueError: an installed package's can't be loaded, or claim a slug that is taken.
    """
    return CATALOGUE.extended(installed_modes())
