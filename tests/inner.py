"""Pytest in a process of its own, with few plugins: to import all that are installed costs a second of CPU."""

from __future__ import annotations

import pytest

OURS = ("hamms_trio.pytest_plugin", "netsplode.pytest_plugin")
OF_LOOPS = ("pytest_asyncio.plugin", "pytest_trio.plugin")


def run_inner(
    pytester: pytest.Pytester, *arguments: str, plugins: tuple[str, ...] = OURS
) -> pytest.RunResult:
    """Run the files of ``pytester`` with these plugins, and without a cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        named = [word for plugin in plugins for word in ("-p", plugin)]
        return pytester.runpytest_subprocess(*named, "-p", "no:cacheprovider", *arguments)
