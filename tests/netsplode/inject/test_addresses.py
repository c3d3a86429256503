"""The addresses that an injection accepts; it opens nothing before they are valid."""

from __future__ import annotations

from typing import Any

import pytest

from netsplode.inject import open_injection


@pytest.mark.parametrize(
    ("local", "remote", "options", "message"),
    [
        pytest.param(("localhost", 1), ("127.0.0.1", 2), {}, "localhost", id="a name"),
        pytest.param(("127.0.0.1", 0), ("127.0.0.1", 2), {}, "port", id="no port"),
        pytest.param(("127.0.0.1", 1), ("::1", 2, 0, 0), {}, "two ends", id="two families"),
        pytest.param(("127.0.0.1", 1), ("127.0.0.1", 1), {}, "two ends", id="one end twice"),
        pytest.param(
            ("127.0.0.1", 1),
            ("127.0.0.1", 2),
            {"expected": {"server": 7}},
            "server",
            id="an end of another name",
        ),
        pytest.param(
            ("fe80::1", 1, 0, 0),
            ("fe80::2", 2, 0, 0),
            {},
            "fe80::1%eth0",
            id="link-local, no interface",
        ),
        pytest.param(
            ("fe80::1%none such", 1),
            ("fe80::2", 2),
            {},
            "none such",
            id="link-local, no such interface",
        ),
    ],
)
def test_two_addresses_that_are_no_connection_are_refused(
    local: Any, remote: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        open_injection(local, remote, **options)
