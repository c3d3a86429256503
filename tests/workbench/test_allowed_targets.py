"""The allow-list of targets."""

from __future__ import annotations

import pytest

from hamms_trio.workbench.routing.problems import Problem
from hamms_trio.workbench.targets import AllowedTargets


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_loopback_is_allowed_by_default(address: str) -> None:
    AllowedTargets().check("whatever", address)


@pytest.mark.parametrize(
    "address",
    ["10.0.0.1", "192.0.2.1", "169.254.169.254", "0.0.0.0", "::", "fe80::1%lo", "224.0.0.1"],
)
def test_everything_else_is_refused_with_the_address(address: str) -> None:
    with pytest.raises(Problem) as caught:
        AllowedTargets().check("name", address)
    assert caught.value.status == 403
    assert address in caught.value.message


def test_names_addresses_and_networks_are_allowed_as_entries() -> None:
    allowed = AllowedTargets(("Shop.example", "192.0.2.7", "10.1.0.0/16", "[2001:db8::1]"))
    allowed.check("shop.EXAMPLE.", "198.51.100.1")
    allowed.check("other", "192.0.2.7")
    allowed.check("other", "10.1.2.3")
    allowed.check("other", "2001:db8::1")
    for address in ("198.51.100.1", "10.2.0.1"):
        with pytest.raises(Problem):
            allowed.check("other", address)


@pytest.mark.parametrize("address", ["169.254.169.254", "0.0.0.0", "224.0.0.1", "fe80::1"])
def test_a_name_alone_does_not_allow_special_addresses(address: str) -> None:
    with pytest.raises(Problem):
        AllowedTargets(("shop",)).check("shop", address)
    AllowedTargets(("shop", f"{address}/32" if "." in address else address)).check("shop", address)


@pytest.mark.parametrize("entry", ["", "a b", "http://a", "a:80", "10.0.0.1/8", "\u00e9"])
def test_an_entry_of_any_other_form_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match="neither a host name nor an address"):
        AllowedTargets((entry,))
