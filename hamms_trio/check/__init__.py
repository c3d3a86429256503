"""The check of an HTTP client: the client meets the catalogue's failure modes, and each reaction is graded.

The module can be called: ``hamms_trio.check(my_client)`` is ``hamms_trio.check_client(my_client)``.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class _Callable(ModuleType):
    def __call__(self, *args: Any, **options: Any) -> Any:
        """Check a Python function that sends one request (see `hamms_trio.check_client`)."""
        return sys.modules["hamms_trio"].check_client(*args, **options)


sys.modules[__name__].__class__ = _Callable
