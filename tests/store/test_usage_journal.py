"""The journal of usage: every record is folded into the ledger once, whatever dies while it is appended or folded."""

import asyncio
import contextlib
import itertools
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store.samples import NOW
from store.test_ledger import CHANGE, agree, entries, project, usage
from understudy.clock import SystemClock
from understudy.errors import StoreError
from understudy.store import journal_files, usage_journal, usage_records
from understudy.store.examination import JournalFacts, examine_journals
from understudy.store.spending import SpendLimit
from understudy.store.usage_journal import UsageJournal, fold_directory
from understudy.store.usage_records import encode_record, parse_records

_numbers = itertools.count()


@pytest.fixture(autouse=True)
def patience(request, monkeypatch):
    """Nothing is folded by time, except where that is tested."""
    if "by_themselves" not in request.node.name:
        monkeypatch.setattr(usage_journal, "FOLD_SECONDS", 3600)


class Fault(Exception):
    """The process dies here."""


class DyingDatabase:
    """A database whose process dies in the writes that `deaths` numbers: before it, within it, or after its commit."""

    def __init__(self, database):
        self._database = database
        self.death = None

    def __getattr__(self, name):
        return getattr(self._database, name)

    async def write(self, transaction, *args):
        death, self.death = self.death, None
        if death is None:
            return await self._database.write(transaction, *args)
        if death == "after the commit":
            await self._database.write(transaction, *args)
            raise Fault

        def dying():
            work, rows = transaction(*args), None
            with contextlib.suppress(StopIteration):
                for _ in range(death):
                    rows = yield work.send(rows)
            raise Fault

        await self._database.write(dying)
        raise AssertionError


class Process:
    """A process with a journal, which may die."""

    def __init__(self, store, data):
        self.database = DyingDatabase(store.database)
        self.journal = UsageJournal(self.database, data, SystemClock())

    def kill(self, cut=0):
        """Dies; of its last line, so many bytes are missing."""
        file = self.journal._file
        if file is not None:
            os.ftruncate(file.descriptor, max(file.size() - cut, 0))
            file.close()
        self.journal._file, self.journal._is_closed = None, True
        if self.journal._timer is not None:
            self.journal._timer.cancel()


def journals(data):
    return list((data / "usage").glob("*"))


_processes = st.integers(0, 1)
_steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), _processes, st.integers(0, 1 << 40)),
        st.tuples(st.just("fold"), _processes, st.one_of(st.none(), st.integers(0, 5), st.just("after the commit"))),
        st.tuples(st.just("kill in an append"), _processes, st.integers(1, 400)),
        st.tuples(st.just("kill"), _processes, st.just(0)),
        st.tuples(st.just("sweep"), _processes, st.one_of(st.none(), st.integers(0, 5), st.just("after the commit"))),
    ),
    max_size=30,
)
_a_few = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@_a_few
@given(steps=_steps)
async def test_the_sums_are_exact_whatever_dies(store, tmp_path, steps):
    await check_sums_after(store, tmp_path, steps)


@pytest.mark.slow
@settings(_a_few, max_examples=150)
@given(steps=_steps)
async def test_the_sums_are_exact_after_many_deaths(store, tmp_path, steps):
    await check_sums_after(store, tmp_path, steps)


async def check_sums_after(store, tmp_path, steps):
    ours = await project(store)
    expected = 0
    processes = [Process(store, tmp_path), Process(store, tmp_path)]

    async def work_of(process, name, death):
        process.database.death = death
        # The rest of the step has not happened: the process has died in it.
        with contextlib.suppress(Fault):
            await getattr(process.journal, name)()
        process.database.death = None

    for action, number, value in steps:
        process = processes[number]
        match action:
            case "add":
                await process.journal.add(ours, usage(value, key_id=f"key_{value % 3}"))
                expected -= value
            case "fold":
                await work_of(process, "fold", value)
            case "sweep":
                await work_of(process, "sweep", value)
            case "kill in an append":
                # The last answer was not sent, since its line is not complete; the answers before it were.
                line = encode_record(ours, usage(7))
                await process.journal.add(ours, usage(0))
                os.write(process.journal._file.descriptor, line)
                process.kill(min(value, len(line)))
                processes[number] = Process(store, tmp_path)
            case "kill":
                process.kill()
                processes[number] = Process(store, tmp_path)
    for process in processes:
        process.kill()
    last = Process(store, tmp_path)
    await last.journal.sweep()
    assert await agree(store, ours) == expected
    assert journals(tmp_path) == []


@settings(max_examples=100, deadline=None)
@given(cut=st.integers(0, 2000), count=st.integers(1, 6), damage=st.integers(0, 2000), bits=st.integers(1, 255))
def test_damaged_lines_are_never_records(cut, count, damage, bits):
    lines = [encode_record("proj_a", usage(number, model="größer\n")) for number in range(count)]
    whole = b"".join(lines)
    complete = list(itertools.accumulate(map(len, lines)))
    torn = parse_records(whole[:cut], 100)
    assert [record.credits for record in torn.records] == [n for n, end in enumerate(complete) if end <= cut]
    assert torn.damaged == 0
    place = damage % len(whole)
    changed = bytearray(whole)
    changed[place] ^= bits
    found = {record.credits for record in parse_records(bytes(changed), 100).records}
    hit = next(number for number, end in enumerate(complete) if place < end)
    # A lost end of a line takes the next one with it; a changed case of a hexadecimal digit is the same number.
    assert set(range(count)) - {hit, hit + 1} <= found <= set(range(count))


async def test_records_are_folded_by_themselves(store, monkeypatch):
    ours = await project(store)
    await store.usage_journal.add(ours, usage(5))
    await store.usage_journal.add(ours, usage(6))
    folded = asyncio.Event()
    forget = store.usage_journal._forget
    monkeypatch.setattr(store.usage_journal, "_forget", lambda position: (forget(position), folded.set()))
    await asyncio.wait_for(folded.wait(), 10)
    assert await agree(store, ours) == -11
    assert store.usage_journal.counts.records == 2
    assert store.usage_journal.oldest_seconds() == 0


async def test_reads_see_records_that_are_not_folded(store):
    ours = await project(store)
    await store.ledger.grant(ours, 100, "PAYMENT", NOW)
    await store.usage_journal.add(ours, usage(30))
    assert (await store.ledger.account(ours)).balance == 70
    await store.usage_journal.add(ours, usage(30))
    assert len(await entries(store, ours)) == 3


async def test_limits_count_records_that_are_not_folded(store):
    ours = await project(store)
    await store.ledger.grant(ours, 100, "PAYMENT", NOW)
    await store.ledger.change_limit(ours, "key_a", SpendLimit("key_a", 50, "day"), CHANGE)
    await store.usage_journal.add(ours, usage(30, key_id="key_a"))
    await store.usage_journal.add(ours, usage(4, key_id="key_b"))
    for _ in range(2):
        state = await store.ledger.spending_state(ours, "key_a", NOW)
        assert (state.balance, [one.spent for one in state.limits]) == (66, [30])
        await store.usage_journal.fold()


async def test_what_a_journal_cannot_take_is_a_transaction(store, monkeypatch):
    ours = await project(store)
    await store.usage_journal.add(ours, usage(1))
    monkeypatch.setattr(os, "write", _write_half)
    await store.usage_journal.add(ours, usage(2))
    monkeypatch.undo()
    await store.usage_journal.add(ours, usage(3))
    assert store.usage_journal.waiting == 2
    await store.usage_journal.fold()
    assert await agree(store, ours) == -6


async def test_a_torn_line_that_cannot_be_removed_ends_the_file(store, monkeypatch, tmp_path):
    ours = await project(store)
    await store.usage_journal.add(ours, usage(1))
    first = store.usage_journal.id
    monkeypatch.setattr(os, "write", _write_half)
    monkeypatch.setattr(os, "ftruncate", _fail)
    await store.usage_journal.add(ours, usage(2))
    monkeypatch.undo()
    await store.usage_journal.fold()
    await store.usage_journal.add(ours, usage(4))
    assert store.usage_journal.id != first
    await store.usage_journal.fold()
    assert await agree(store, ours) == -7
    assert len(journals(tmp_path)) == 1


async def test_a_long_file_is_replaced_by_a_new_one(store, monkeypatch, tmp_path):
    monkeypatch.setattr(usage_journal, "_ROTATED_BYTES", 300)
    ours = await project(store)
    seen = set()
    for _ in range(12):
        await store.usage_journal.add(ours, usage(1))
        seen.add(store.usage_journal.id)
        await store.usage_journal.fold()
    assert len(seen) > 2
    assert await agree(store, ours) == -12
    assert len(journals(tmp_path)) <= 1


async def test_a_directory_that_cannot_be_written_leaves_transactions(store, tmp_path):
    ours = await project(store)
    (tmp_path / "usage").write_text("a file, not a directory")
    await store.usage_journal.add(ours, usage(1))
    assert store.usage_journal.waiting == 0
    assert await agree(store, ours) == -1


async def test_without_the_database_records_wait(store, tmp_path, monkeypatch):
    ours = await project(store)
    process = Process(store, tmp_path)
    await process.journal.add(ours, usage(1))

    async def write(*args):
        raise StoreError("unavailable")

    monkeypatch.setattr(process.database, "write", write)
    await process.journal.add(ours, usage(2))
    monkeypatch.setattr(usage_journal, "_MAX_UNFOLDED", 10)
    with pytest.raises(StoreError):
        await process.journal.add(ours, usage(4))
    await process.journal.close()
    await store.usage_journal.sweep()
    assert await agree(store, ours) == -3


async def test_closing_folds_everything_and_leaves_no_file(opened, tmp_path):
    async with opened() as store:
        ours = await project(store)
        await store.usage_journal.add(ours, usage(9))
    assert journals(tmp_path) == []
    async with opened() as store:
        assert await agree(store, ours) == -9


async def test_a_damaged_line_costs_itself_alone(store, tmp_path):
    ours = await project(store)
    process = Process(store, tmp_path)
    await process.journal.add(ours, usage(1))
    os.write(process.journal._file.descriptor, b"\0" * 100 + b"\n" + encode_record(ours, usage(2)) + b"torn")
    process.kill()
    await store.usage_journal.sweep()
    assert await agree(store, ours) == -3
    assert store.usage_journal.counts.damaged == 1


async def test_doctor_reads_what_waits(store, tmp_path, url):
    ours = await project(store)
    assert await examine_journals(tmp_path, url) == JournalFacts()
    process = Process(store, tmp_path)
    await process.journal.add(ours, usage(1))
    await process.journal.fold()
    await process.journal.add(ours, usage(2))
    os.write(process.journal._file.descriptor, b"damage\n" + encode_record(ours, usage(4)) + b"torn")
    facts = await examine_journals(tmp_path, url)
    assert (facts.journals, facts.records, facts.damaged, facts.torn_bytes) == (1, 2, 1, 4)
    await process.journal.fold()
    assert (await examine_journals(tmp_path, url)).records == 0
    process.kill()


async def test_a_backup_folds_the_journals_of_a_running_server(store, tmp_path, url):
    if url is not None:
        pytest.skip("a database of PostgreSQL is dumped by its own program")
    ours = await project(store)
    process = Process(store, tmp_path)
    await process.journal.add(ours, usage(3))
    await fold_directory(tmp_path)
    assert await agree(store, ours) == -3
    # The server continues its file.
    await process.journal.add(ours, usage(4))
    await process.journal.fold()
    await process.journal.close()
    assert await agree(store, ours) == -7


def _write_half(descriptor, data, write=os.write):
    return write(descriptor, data[: len(data) // 2])


def _fail(*args):
    raise OSError(5, "Input/output error")


def test_text_that_no_database_stores_is_not_a_record():
    assert encode_record("proj_a", usage(1, model="a\x00b")) is None
    assert encode_record("proj_a", usage(1, input_tokens=1 << 63)) is None
    assert usage_records.parse_records(b"", 10).end == 0


async def test_links_directories_and_files_of_others_are_passed_over(store, tmp_path, monkeypatch):
    folder = tmp_path / journal_files.FOLDER
    folder.mkdir(exist_ok=True)
    (folder / "directory.journal").mkdir()
    (folder / "directory.new").mkdir()
    os.utime(folder / "directory.new", (1, 1))
    (folder / "loop.journal").symlink_to("loop.journal")
    (folder / "link.journal").symlink_to(tmp_path)
    (folder / "foreign.journal").write_bytes(b"of another user\n")
    opened = os.open

    def refuse(path, *args):
        if str(path).endswith("foreign.journal"):
            raise PermissionError(13, "Permission denied")
        return opened(path, *args)

    monkeypatch.setattr(os, "open", refuse)
    journal = UsageJournal(store.database, tmp_path, SystemClock())
    await journal.sweep()
    await journal.fold()
    await journal.close()
    assert len(list(folder.iterdir())) == 5
