"""The address of a client behind proxies: only what trusted ones have written counts."""

import pytest

from understudy.api.client_address import apply_proxies, check_proxies
from understudy.errors import SettingsError

TRUSTED = ("10.0.0.0/8", "2001:db8::1", "unix")


@pytest.mark.parametrize(
    ("peer", "headers", "client"),
    [
        ("10.0.0.1", [("x-forwarded-for", "198.51.100.7")], "198.51.100.7"),
        ("::ffff:10.0.0.1", [("x-forwarded-for", "198.51.100.7")], "198.51.100.7"),
        ("2001:db8::1", [("forwarded", 'proto=https;for="[2001:db8::9]:4711"')], "2001:db8::9"),
        (None, [("x-forwarded-for", "198.51.100.7:80")], "198.51.100.7"),
        ("203.0.113.5", [("x-forwarded-for", "198.51.100.7")], "203.0.113.5"),
        ("10.0.0.1", [("x-forwarded-for", "192.0.2.1, 198.51.100.7, 10.0.0.2")], "198.51.100.7"),
        ("10.0.0.1", [("x-forwarded-for", "192.0.2.1"), ("x-forwarded-for", "198.51.100.7")], "198.51.100.7"),
        ("10.0.0.1", [("forwarded", "for=198.51.100.7"), ("x-forwarded-for", "198.51.100.7")], "198.51.100.7"),
        ("10.0.0.1", [("forwarded", "for=198.51.100.7"), ("x-forwarded-for", "192.0.2.1")], "10.0.0.1"),
        ("10.0.0.1", [("x-forwarded-for", "198.51.100.7, unknown")], "10.0.0.1"),
        ("10.0.0.1", [("forwarded", "for=_hidden, by=10.0.0.3")], "10.0.0.1"),
        ("10.0.0.1", [("x-forwarded-for", "10.0.0.9, 10.0.0.2")], "10.0.0.9"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [("forwarded", 'proto=http; For="[2001:db8::7]:80";by=x')], "2001:db8::7"),
        # An expression that backtracks would take a minute for this.
        ("10.0.0.1", [("forwarded", "for=" + " " * 60_000 + '"x')], "10.0.0.1"),
    ],
)
def test_the_client_is_the_last_address_that_is_no_trusted_proxy(peer, headers, client):
    scope = {
        "client": None if peer is None else (peer, 1234),
        "headers": [(name.encode(), value.encode()) for name, value in headers],
    }
    apply_proxies(scope, TRUSTED)
    assert scope["client"][0] == client


@pytest.mark.parametrize("proxy", ["10.0.0.0/33", "proxy.example", "300.1.1.1"])
def test_an_invalid_proxy_is_refused(proxy):
    with pytest.raises(SettingsError, match="trusted_proxies"):
        check_proxies((proxy,))
