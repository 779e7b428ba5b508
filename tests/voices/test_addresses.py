"""Which addresses are in the public internet."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.voices.addresses import is_public, resolve_host


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "93.184.216.34"])
def test_public(address: str) -> None:
    """Addresses of the open internet are allowed."""
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255",
        "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.100.100.200", "192.0.0.192",
        "168.63.129.16", "198.18.0.1", "192.0.2.1", "198.51.100.1", "203.0.113.1", "224.0.0.1",
        "240.0.0.1", "255.255.255.255", "192.88.99.1",
        "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1",
        "2001:db8::1", "fec0::1", "2001::1", "100::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1",
        "2002:7f00:1::", "2002:a00:1::", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::a00:1", "", "localhost", "256.1.1.1",
    ],
)  # fmt: skip
def test_not_public(address: str) -> None:
    """Anything inside, special, or wrapped around such an address is refused."""
    assert not is_public(address)


@given(st.ip_addresses(v=4))
@hypothesis_settings(max_examples=100, deadline=None)
def test_wrapped_as_the_address_itself(address: ipaddress.IPv4Address) -> None:
    """Wrapping an IPv4 address never makes it more public."""
    for wrapped in (f"::ffff:{address}", f"64:ff9b::{address}", f"::{address}"):
        assert not is_public(wrapped) or is_public(str(address))


@pytest.mark.parametrize("host", ["127.0.0.1", "0x7f.1", "2130706433", "localhost"])
def test_spellings_of_loopback(host: str) -> None:
    """However loopback is spelt, the resolver gives an address that is refused."""
    assert not any(map(is_public, resolve_host(host, 80)))
