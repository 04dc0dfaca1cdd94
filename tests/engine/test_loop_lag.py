"""The measurement of the event loop's lag: rare while the loop is idle, and complete once work begins."""

import time

from tests.net.raw_server import until

from understudy import telemetry
from understudy.engine.metrics.instruments import Distribution
from understudy.engine.metrics.loop_lag import LoopLag

BLOCK_SECONDS = 0.2


async def idle_lag():
    """A started measurement whose loop is idle."""
    distribution = Distribution((0.05,))
    lag = LoopLag(distribution, thread_time=lambda: 0.0)
    await lag.start()
    await until(lambda: lag.is_idle)
    return lag, distribution


async def test_a_block_by_the_first_work_of_an_idle_loop_is_measured():
    lag, _ = await idle_lag()
    lag.take_worst()
    lag.note_work()
    time.sleep(BLOCK_SECONDS)  # noqa: ASYNC251 - what the test is about
    await until(lambda: lag.worst > BLOCK_SECONDS / 2)
    await lag.stop()


async def test_a_job_ends_the_rare_measurement():
    lag, _ = await idle_lag()
    telemetry.emit(telemetry.JobClaimed, job_kind="run", key="run_1", project_id="proj_1")
    assert not lag.is_idle
    await lag.stop()


async def test_an_idle_second_counts_as_the_intervals_that_have_passed():
    lag, distribution = await idle_lag()
    before = sum(distribution.counts)
    await until(lambda: sum(distribution.counts) > before)
    assert sum(distribution.counts) - before >= 20
    await lag.stop()


async def test_a_loop_that_works_is_measured_every_interval():
    worked = iter(range(1_000_000))
    lag = LoopLag(Distribution((0.05,)), thread_time=lambda: next(worked))
    await lag.start()
    before = sum(lag._distribution.counts)
    await until(lambda: sum(lag._distribution.counts) > before + 25)
    assert not lag.is_idle
    await lag.stop()
