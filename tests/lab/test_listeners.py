"""Tests of doors whose kind of port is not available on this machine."""

from __future__ import annotations

import logging

import pytest

from hamms_trio import HammsServer
from hamms_trio.errors import PortKindUnavailable, UnknownMode
from tests.clients import raw

HOST = "127.0.0.2"  # of IPv4 alone
NEEDY = "tcp-v6-blackhole-v4-ok"


def test_a_mode_whose_kind_of_port_is_unavailable_is_skipped(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    with HammsServer(host=HOST, beginning_port=0) as server:
        with pytest.raises(UnknownMode, match="open"):
            server.url(NEEDY)
        with pytest.raises(PortKindUnavailable, match=r"an address of IPv4 and one of IPv6$"):
            server.open(NEEDY)
        assert raw.get(server.url("status", status=204)).status == 204

    (warning,) = caplog.messages
    assert warning.startswith(f"{NEEDY} is not served: the host needs ")
