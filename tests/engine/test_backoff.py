"""How long failed attempts wait."""

from understudy.engine.jobs.backoff import Backoff


def test_each_wait_is_longer_by_the_factor_up_to_the_longest():
    backoff = Backoff(first=2.0, factor=3.0, longest=50.0)
    assert [backoff.delay(attempts) for attempts in range(1, 6)] == [2.0, 6.0, 18.0, 50.0, 50.0]


def test_the_longest_wait_holds_for_any_number_of_attempts():
    assert Backoff(first=1.0, longest=600.0).delay(1_000_000) == 600.0


def test_no_attempt_follows_the_last_one():
    backoff = Backoff(first=1.0, max_attempts=3)
    assert [backoff.delay(attempts) for attempts in range(1, 5)] == [1.0, 2.0, None, None]


def test_a_provider_may_demand_a_longer_wait():
    backoff = Backoff(first=1.0, longest=60.0)
    assert (backoff.delay(1, 90.0), backoff.delay(3, 2.0)) == (90.0, 4.0)


def test_a_wait_by_age_about_doubles_the_time_since_the_first_attempt():
    backoff = Backoff(first=5.0, longest=100.0)
    assert [backoff.delay_by_age(age) for age in (0.0, 5.0, 10.0, 500.0)] == [5.0, 5.0, 10.0, 100.0]


def test_jitter_spreads_waits_within_its_bounds():
    backoff = Backoff(first=10.0, jitter=(0.5, 1.0))
    delays = [backoff.delay(1) for _ in range(50)]
    assert all(5.0 <= delay <= 10.0 for delay in delays)
    assert len(set(delays)) > 1
