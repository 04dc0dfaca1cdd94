"""Rejected keys and failed sign-ins by address: bounded in number and memory, and forgotten as time passes."""

import pytest

from understudy.engine.limits import attempts
from understudy.engine.limits.attempts import Attempts
from understudy.errors import TooManyAttempts


class Clock:
    now = 1000.0


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def counted(clock):
    return Attempts(lambda: clock.now)


def fail(counted, address, times=1, limit=3):
    for _ in range(times):
        counted.check(address, limit)
        counted.note_failure(address, limit)


def test_an_address_fails_so_often_a_minute_and_again_when_time_has_passed(counted, clock):
    fail(counted, "192.0.2.1", 3)
    with pytest.raises(TooManyAttempts, match="at most 3 a minute") as refused:
        counted.check("192.0.2.1", 3)
    assert refused.value.headers["retry-after"] == "20"
    fail(counted, "192.0.2.2", 3)
    clock.now += 20
    fail(counted, "192.0.2.1")
    with pytest.raises(TooManyAttempts):
        counted.check("192.0.2.1", 3)
    clock.now += 60
    fail(counted, "192.0.2.1", 3)


def test_a_network_of_ipv6_is_one_address_and_a_mapped_one_is_that_of_ipv4(counted):
    fail(counted, "2001:db8:0:1::5", 2)
    fail(counted, "2001:db8:0:1:ffff::9")
    for address in ("2001:db8:0:1::77", "2001:db8:0:1:1:2:3:4"):
        with pytest.raises(TooManyAttempts):
            counted.check(address, 3)
    counted.check("2001:db8:0:2::5", 3)
    fail(counted, "::ffff:192.0.2.9", 3)
    with pytest.raises(TooManyAttempts):
        counted.check("192.0.2.9", 3)


def test_the_addresses_that_failed_longest_ago_are_forgotten(counted, monkeypatch):
    monkeypatch.setattr(attempts, "_MAX_ADDRESSES", 2)
    fail(counted, "192.0.2.1", 3)
    fail(counted, "192.0.2.2", 3)
    fail(counted, "192.0.2.3", 3)
    counted.check("192.0.2.1", 3)
    with pytest.raises(TooManyAttempts):
        counted.check("192.0.2.3", 3)
