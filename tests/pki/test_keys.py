"""Keys: each is made once, and slow ones do not keep anybody waiting."""

from __future__ import annotations

import time

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from hamms_trio.pki.material.keys import Keys, make_key

SAFETY_NET = 60.0


def test_a_key_is_made_once_for_each_kind_and_use() -> None:
    keys = Keys()

    assert keys.get("ec-256", "") is keys.get("ec-256", "")
    assert keys.get("ec-256", "") is not keys.get("ec-256", "another")


@pytest.mark.parametrize("bits", [512, 8192])
def test_known_primes_make_a_key_of_their_length(bits: int) -> None:
    key = make_key(f"rsa-{bits}")

    assert isinstance(key, rsa.RSAPrivateKey)
    assert key.key_size == bits
    assert key is not make_key(f"rsa-{bits}")


def test_a_slow_key_is_made_in_a_thread() -> None:
    keys = Keys()
    keys.in_thread = True
    wanted = {("rsa-1024", ""), ("ec-256", "")}

    assert not keys.are_ready(wanted)
    ends = time.monotonic() + SAFETY_NET
    while not keys.are_ready(wanted):
        assert time.monotonic() < ends
    assert keys.get("rsa-1024", "").key_size == 1024  # type: ignore[union-attr] # an RSA key
    assert keys.are_ready(wanted)


def test_without_threads_a_slow_key_is_ready_when_it_is_wanted() -> None:
    assert Keys().are_ready({("rsa-1024", "")})
