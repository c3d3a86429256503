"""Failure modes: their declaration, their drivers, their peers, and the catalogue of ours."""

from hamms_trio.modes.catalogue import Catalogue as Catalogue
from hamms_trio.modes.declare import FailureMode as FailureMode
from hamms_trio.modes.families import FAMILIES
from hamms_trio.modes.installed import installed_modes

CATALOGUE = Catalogue(FAMILIES)


def known_modes() -> Catalogue:
    """Our own failure modes, and those of installed packages.

    Raises:
        CatalogueError: an installed package's can't be loaded, or claim a slug that is taken.
    """
    return CATALOGUE.extended(installed_modes())
