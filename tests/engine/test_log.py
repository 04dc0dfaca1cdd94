"""The event log: every follower receives the same events, from any start, and memory stays bounded."""

import asyncio
import tracemalloc

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clocks import StillClock
from engine import histories
from engine.histories import join_deltas
from understudy.engine.run import events, log
from understudy.engine.run import logs as process_logs
from understudy.engine.run.log import RunLog
from understudy.engine.run.logs import Logs
from understudy.engine.views.frames import RunEncoder

WITHIN = 5.0


def filled(history):
    """A closed log of these events, and the frames of each."""
    encoder, filling = RunEncoder(), RunLog(RunEncoder)
    frames = [encoder.encode(event) for event in history]
    for event, frame in zip(history, frames, strict=True):
        filling.append(event, frame)
    filling.close()
    return filling, [b"".join(frame) for frame in frames]


async def heard(followed, after=0, *, numbered=False):
    async with asyncio.timeout(WITHIN):
        return b"".join([frames async for frames in followed.follow(after, numbered=numbered)])


@given(histories.histories())
async def test_a_replay_after_any_number_is_the_rest_of_the_whole(history):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log, "_MERGE_CHUNK", len(history) + 1)
        filling, frames = filled(history)
        for after in range(len(history) + 1):
            assert await heard(filling, after) == b"".join(frames[after:])


@settings(max_examples=20)
@given(histories.histories(), st.integers(1, 6), st.integers(1, 6))
async def test_a_replay_is_equal_after_deltas_were_merged(history, recent, merge):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log, "_MAX_RECENT_EVENTS", recent)
        patch.setattr(log, "_MERGE_CHUNK", merge)
        filling, frames = filled(history)
        for after in range(len(history) + 1):
            assert join_deltas(await heard(filling, after)) == join_deltas(b"".join(frames[after:])), after


@settings(max_examples=20)
@given(histories.histories())
async def test_a_replay_of_a_compacted_log_is_equal(history):
    filling, frames = filled(history)
    filling.compact()
    filling.compact()
    for after in range(len(history) + 1):
        assert join_deltas(await heard(filling, after)) == join_deltas(b"".join(frames[after:])), after


@given(histories.histories(), st.booleans())
async def test_a_reader_resumes_after_any_event_id_it_received(history, compact):
    filling, _ = filled(history)
    if compact:
        filling.compact()
    told = await heard(filling, numbered=True)
    blocks = told.decode().removesuffix("\n\n").split("\n\n")
    numbers = [int(block.split("\n")[0].removeprefix("id: ")) for block in blocks if block.startswith("id: ")]
    assert numbers == sorted(set(numbers))
    assert blocks[-1].startswith(f"id: {filling.length}\n")
    for number in numbers:
        place = next(index for index, block in enumerate(blocks) if block.startswith(f"id: {number}\n"))
        rest = "".join(f"{block}\n\n" for block in blocks[place + 1 :])
        assert (await heard(filling, number, numbered=True)).decode() == rest


@given(histories.histories(), st.lists(st.integers(0, 30), max_size=4))
async def test_followers_receive_the_same_events_whenever_they_attach(history, arrivals):
    encoder, filling, frames, following = RunEncoder(), RunLog(RunEncoder), [], []
    for position, event in enumerate(history):
        following += [asyncio.ensure_future(heard(filling)) for arrival in arrivals if arrival == position]
        encoded = encoder.encode(event)
        frames.append(b"".join(encoded))
        filling.append(event, encoded)
        if position % 2:
            await asyncio.sleep(0)
    following += [asyncio.ensure_future(heard(filling)) for arrival in arrivals if arrival >= len(history)]
    filling.close()
    # Who came with the last events may find those before them merged already.
    assert [join_deltas(one) for one in await asyncio.gather(*following)] == [join_deltas(b"".join(frames))] * len(
        following
    )


def append_together(filling, history):
    """Appends the events, neighbouring deltas of an open text together, as a run does with those of one read."""
    encoder, texts = RunEncoder(), []
    for event in (*history, None):
        if type(event) is events.TextDelta and event.text:
            texts.append(event.text)
            continue
        while texts:
            if len(texts) > 1 and (frames := encoder.encode_texts(texts)):
                filling.append_texts(texts, frames)
                break
            delta = events.TextDelta(texts.pop(0))
            filling.append(delta, encoder.encode(delta))
        texts = []
        if event is not None:
            filling.append(event, encoder.encode(event))
    return filling


@given(histories.histories(), st.booleans())
async def test_deltas_that_are_appended_together_are_read_as_if_one_by_one(history, numbered):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log, "_MERGE_CHUNK", len(history) + 1)
        single, _ = filled(history)
        together = append_together(RunLog(RunEncoder), history)
        together.close()
        assert [(one.number, one.event) for one in together.entries_after(0)] == [
            (one.number, one.event) for one in single.entries()
        ]
        for after in range(len(history) + 1):
            assert await heard(together, after, numbered=numbered) == await heard(single, after, numbered=numbered)
            for skip in (1, 3):
                read = [one.reader(after, skip=skip) for one in (single, together)]
                assert read[0].read() == read[1].read()


@settings(max_examples=20)
@given(histories.histories(), st.integers(1, 6), st.integers(1, 6))
async def test_merged_deltas_that_were_appended_together_are_equal(history, recent, merge):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log, "_MAX_RECENT_EVENTS", recent)
        patch.setattr(log, "_MERGE_CHUNK", merge)
        _, frames = filled(history)
        together = append_together(RunLog(RunEncoder), history)
        together.close()
        for after in range(len(history) + 1):
            assert join_deltas(await heard(together, after)) == join_deltas(b"".join(frames[after:])), after


async def test_a_follower_waits_for_the_next_event_and_for_the_end():
    (queued, started, *_), filling = history_of(3), RunLog(RunEncoder)
    follower = filling.follow()
    waiting = asyncio.ensure_future(anext(follower))
    await asyncio.sleep(0)
    assert not waiting.done()
    filling.append(queued, (b"queued",))
    assert await waiting == b"queued"
    waiting = asyncio.ensure_future(anext(follower, "over"))
    await asyncio.sleep(0)
    filling.append(started, ())
    await asyncio.sleep(0)
    assert not waiting.done()
    filling.close()
    assert await waiting == "over"


async def test_a_cancelled_follower_is_removed():
    filling = RunLog(RunEncoder)
    waiting = asyncio.ensure_future(anext(filling.follow()))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert not filling.followers
    filling.append(history_of(1)[0], (b"x",))


async def test_a_reopened_log_sends_new_events_to_later_followers():
    told = history_of(4)
    filling, frames = filled(told[:2])
    assert await heard(filling) == b"".join(frames)
    filling.reopen()
    following = asyncio.ensure_future(heard(filling, 2))
    await asyncio.sleep(0)
    filling.append(told[2], (b"more",))
    filling.close()
    assert await following == b"more"


async def test_closing_a_log_of_a_run_handed_back_ends_its_streams():
    filling = RunLog(RunEncoder)
    following = asyncio.ensure_future(heard(filling))
    await asyncio.sleep(0)
    filling.close(is_handed_over=True)
    assert await following == b""
    assert filling.is_handed_over


def history_of(length):
    """The events of a run that says as many words as there is room for."""
    run, _ = histories.run()
    opening = [histories.queued(run), events.RunStarted(histories.AT), events.MessageOpened("step_1", "msg_1", 1)]
    return (opening + [events.TextDelta("word ")] * length)[:length]


async def test_a_long_text_costs_little_more_than_its_length():
    count = 100_000
    encoder, filling = RunEncoder(), RunLog(RunEncoder)
    history = history_of(3)
    tracemalloc.start()
    try:
        for event in history:
            filling.append(event, encoder.encode(event))
        for number in range(count):
            delta = events.TextDelta(f"{number:09d} ")
            filling.append(delta, encoder.encode(delta))
        filling.compact()
        encoder = None
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size < 40 * count
    filling.close()
    assert len(await heard(filling)) > 10 * count


async def test_a_slow_follower_receives_every_event():
    encoder, filling = RunEncoder(), RunLog(RunEncoder)
    follower = filling.follow()
    said = []
    for event in history_of(3):
        filling.append(event, encoder.encode(event))
    first = await anext(follower)
    for number in range(5000):
        delta = events.TextDelta(f"{number} ")
        said.append(delta.text)
        filling.append(delta, encoder.encode(delta))
    filling.close()
    rest = b"".join([frames async for frames in follower])
    (*_, (_, joined)) = join_deltas(first + rest)
    assert joined["delta"]["content"][0]["text"] == {"value": "".join(said), "annotations": []}


async def test_a_repeatedly_slow_follower_receives_every_event_once(monkeypatch):
    monkeypatch.setattr(log, "_MAX_RECENT_EVENTS", 8)
    monkeypatch.setattr(log, "_MERGE_CHUNK", 4)
    encoder, filling = RunEncoder(), RunLog(RunEncoder)
    follower, frames = filling.follow(), []
    for event in history_of(3):
        filling.append(event, encoder.encode(event))
    for number in range(200):
        frames.append(await anext(follower)) if number % 50 == 3 or number % 70 < 3 else None
        delta = events.TextDelta(f"{number} ")
        filling.append(delta, encoder.encode(delta))
    filling.close()
    frames += [frame async for frame in follower]
    (*_, (_, joined)) = join_deltas(b"".join(frames))
    assert joined["delta"]["content"][0]["text"]["value"] == "".join(f"{number} " for number in range(200))


async def test_events_are_merged_only_after_the_slowest_follower_has_read_them():
    encoder, filling = RunEncoder(), RunLog(RunEncoder)
    slow, frames = filling.follow(), []
    for event in history_of(3):
        filling.append(event, encoder.encode(event))
    await anext(slow)
    for _ in range(500):
        delta = events.TextDelta("word ")
        filling.append(delta, encoder.encode(delta))
        frames += filling._recent[-1].frames
    assert len(filling._recent) >= 500
    assert await anext(slow) == b"".join(frames)
    for _ in range(2 * log._MERGE_CHUNK):
        filling.append(delta, encoder.encode(delta))
        await anext(slow)
    assert len(filling._recent) <= log._MERGE_CHUNK


# -- the logs of a process ---------------------------------------------------------------------------------------


async def test_a_finished_log_is_removed_after_the_retention_time():
    clock = StillClock()
    logs = Logs(clock, retention=60)
    finished, live = logs.create("run_1", RunEncoder), logs.create("run_2", RunEncoder)
    logs.finish("run_1")
    clock.time += 59
    logs.prune()
    assert logs.get("run_1") is finished
    clock.time += 1
    logs.prune()
    assert (logs.get("run_1"), logs.get("run_2")) == (None, live)


async def test_finished_logs_are_bounded_in_number_the_oldest_going_first(monkeypatch):
    monkeypatch.setattr(process_logs, "_MAX_FINISHED_LOGS", 3)
    logs = Logs(StillClock(), retention=60)
    for number in range(5):
        logs.create(f"run_{number}", RunEncoder)
        logs.finish(f"run_{number}")
    assert [number for number in range(5) if logs.get(f"run_{number}")] == [2, 3, 4]


async def test_a_discarded_log_ends_its_streams():
    logs = Logs(StillClock(), retention=60)
    following = asyncio.ensure_future(heard(logs.create("run_1", RunEncoder)))
    await asyncio.sleep(0)
    logs.discard("run_1")
    logs.discard("run_1")
    assert await following == b""
    assert logs.get("run_1") is None


async def test_a_follower_receives_the_last_events_before_the_log_is_compacted():
    logs = Logs(StillClock(), retention=60)
    filling = logs.create("run_1", RunEncoder)
    following = asyncio.ensure_future(heard(filling))
    await asyncio.sleep(0)
    for event in history_of(3):
        filling.append(event, (b"x",))
    filling.close()
    logs.finish("run_1")
    assert await following == b"xxx"
    assert not filling._recent


def test_a_reader_is_notified_of_each_event_and_reads_only_unread_frames():
    filling = RunLog(RunEncoder)
    told = []
    with filling.reader() as follower:
        follower.notify = lambda: told.append(follower.read())
        filling.append(events.TextDelta("Hel"), (b"first",))
        filling.append(events.TextDelta("lo"), (b"second",))
        follower.notify = None
        filling.append(events.TextDelta("!"), (b"third",))
        filling.append(events.TextDelta("?"), (b"fourth",))
        assert (follower.read(), follower.read(), follower.is_at_end) == (b"thirdfourth", b"", False)
        filling.close()
        assert follower.is_at_end
    assert told == [b"first", b"second"]
    assert not filling.followers


@example(
    [histories.queued(histories.run()[0]), events.MessageOpened("step_1", "msg_1", 1), *[events.TextDelta("a")] * 4],
    4,
    False,
)
@given(histories.histories(), st.integers(1, 30), st.booleans())
async def test_numbers_jump_with_an_epoch_and_each_reader_receives_every_event(history, at, compact):
    encoder, filling, numbers, frames = RunEncoder(), RunLog(RunEncoder), [], []
    for position, event in enumerate(history):
        if position == at:
            if compact:
                filling.compact()
            filling.begin_epoch(2)
        encoded = encoder.encode(event)
        filling.append(event, encoded)
        numbers.append(filling.length)
        frames.append(b"".join(encoded))
    filling.close()
    jump = [number for number in numbers if number > 1_000_000]
    assert numbers == [*range(1, len(numbers) - len(jump) + 1), *range(1_000_001, 1_000_001 + len(jump))]
    for after, number in enumerate([0, *numbers]):
        assert join_deltas(await heard(filling, number)) == join_deltas(b"".join(frames[after:]))


async def test_a_reader_of_a_lost_log_resumes_at_what_the_next_owner_added_to_the_rebuilt_one():
    made, _ = histories.run()
    rebuilt = [histories.queued(made), events.RunStarted(histories.AT)]
    added = [histories.restored(made, ()), events.RunEnded("failed", histories.AT, histories.USAGE)]
    encoder, log_ = RunEncoder(), RunLog(RunEncoder)
    log_.begin_epoch(2)
    frames = [encoder.encode(event) for event in (*rebuilt, *added)]
    for event, frame in zip((*rebuilt, *added), frames, strict=True):
        log_.append(event, frame)
    log_.close()
    whole, started, rest = (b"".join(frame for one in frames[start:] for frame in one) for start in range(3))
    for compacted in (False, True):
        if compacted:
            log_.compact()
        assert await heard(log_) == await heard(log_, 1_000_000) == whole
        # What follows the first event of a run is rebuilt: the run is queued and started in every log.
        assert [await heard(log_, number) for number in (1, 2, 7, 999_999)] == [started, *[rest] * 3]
        assert [entry.event for entry in log_.entries_after(7)] == added
        assert [entry.event for entry in log_.entries_after(0)] == [*rebuilt, *added]


def test_the_log_of_a_run_that_nobody_can_follow_goes_with_its_end():
    logs = Logs(StillClock(), retention=60)
    log = logs.create("resp_1", RunEncoder)
    log.is_followable = False
    logs.finish("resp_1")
    assert logs.get("resp_1") is None
