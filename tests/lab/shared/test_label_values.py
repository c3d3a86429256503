"""Values as they stand in the name of a host, which has no dots between arguments."""

from __future__ import annotations

import pytest

from hamms_trio.errors import CatalogueError, ParameterError
from hamms_trio.lab.shared.labels import label_for, read_arguments
from hamms_trio.modes import CATALOGUE
from hamms_trio.modes.model.parameters import Choice


@pytest.mark.parametrize(
    ("slug", "given", "label"),
    [
        ("tls-expired", {"days": 0.5}, "tls-expired--days-0p5"),
        ("tls-expired", {"days": 1.5e-05}, "tls-expired--days-1p5e-05"),
        ("tls-expired", {"days": 3.0, "share": 0.25}, "tls-expired--days-3p0--share-0p25"),
        ("tls-client-cert-required", {"v": "1.3"}, "tls-client-cert-required--v-13"),
        ("tls-wrong-host", {"san": "a.b"}, "tls-wrong-host--san-a-dot-b"),
        ("tls-alert", {"code": 70, "level": "warning"}, "tls-alert--code-70--level-warning"),
    ],
)
def test_a_value_survives_the_name_of_a_host(
    slug: str, given: dict[str, float | str], label: str
) -> None:
    mode = CATALOGUE[slug]
    assert label_for(mode, given) == label
    assert mode.checked(read_arguments(mode, label.removeprefix(slug))) == given


@pytest.mark.parametrize("san", ["a/b", "x" * 60, "-"])
def test_a_value_that_no_host_can_have_is_refused(san: str) -> None:
    with pytest.raises(ParameterError, match="can't be the name of a host"):
        label_for(CATALOGUE["tls-wrong-host"], {"san": san})


def test_choices_that_differ_by_a_dot_alone_are_refused() -> None:
    with pytest.raises(CatalogueError, match="the same in the name of a host"):
        Choice("1.2", "12")
