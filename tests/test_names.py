"""The names of a package: a class or constant has one home, and its name means one thing."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path
from types import ModuleType

import pytest

import hamms_trio
import netsplode

# Families of failure modes never import one another, so each has its own words for parameters and octets.
FAMILIES = "modes/families/"
# Each resource, collection or format has one of its own.
ONE_OF_EACH = {"CODE", "KIND", "OPERATIONS", "VERSION"}


@pytest.mark.parametrize("package", [hamms_trio, netsplode], ids=lambda package: package.__name__)
def test_no_two_modules_define_the_same_public_name(package: ModuleType) -> None:
    top = Path(package.__path__[0])
    homes = defaultdict(set)
    for file in top.rglob("*.py"):
        home = file.relative_to(top).as_posix()
        module = ast.parse(file.read_text(encoding="utf-8"))
        names = (
            classes(module) if home.startswith(FAMILIES) else classes(module) | constants(module)
        )
        for name in names - ONE_OF_EACH:
            homes[name].add(home)

    assert {name: several for name, several in homes.items() if len(several) > 1} == {}


def classes(module: ast.Module) -> set[str]:
    return {
        each.name for each in module.body if isinstance(each, ast.ClassDef) if each.name[0] != "_"
    }


def constants(module: ast.Module) -> set[str]:
    """Return the names of constants and types, but not of type variables, which have one letter."""
    assigned = [each for each in module.body if isinstance(each, (ast.Assign, ast.AnnAssign))]
    targets = [node for each in assigned for node in ast.walk(each) if isinstance(node, ast.Name)]
    names = {node.id for node in targets if isinstance(node.ctx, ast.Store)}
    return {name for name in names if name[0].isupper() and len(name) > 1}
