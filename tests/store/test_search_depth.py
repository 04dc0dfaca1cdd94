"""How much of a large store a search of vectors reads."""

import pytest

from understudy.store.search_depth import count_candidates, plan_cells, rate_candidates, search_parts

_CELLS = [(place, 0.01, place / 100) for place in range(100)]


def run(transaction):
    with pytest.raises(StopIteration) as ended:
        next(transaction)
    return ended.value.value


def search(allowed, *, size=1_000_000, hits_of_cell=2, limit=20):
    """The cells that were read, and the hits, of a search whose filter allows the chunks of some cells."""
    read = []

    def search_cells(cells):
        read.extend(cells)
        hits = [(10 * cell + n, 1 - cell / 100, cell) for cell in cells if cell in allowed for n in range(hits_of_cell)]
        yield from ()
        return sorted(hits, key=lambda hit: -hit[1])[:limit]

    hits = run(search_parts(plan_cells(_CELLS, size, size, lambda place: place), limit, search_cells))
    return read, [seq for seq, *_ in hits]


def test_the_nearest_cells_are_read():
    read, hits = search(range(100))
    assert read == list(range(len(read)))
    assert 10 <= len(read) <= 20, "at least a tenth, which are 100,000 chunks, and most of the evidence"
    assert hits == [10 * cell + n for cell in range(10) for n in (0, 1)]


def test_more_are_read_if_a_filter_leaves_out_the_nearest_chunks():
    allowed = range(25, 100)
    read, hits = search(allowed)
    assert read == list(range(len(read)))
    assert hits == [10 * cell + n for cell in allowed[:10] for n in (0, 1)]
    assert len(read) < 60


def test_all_are_read_if_few_chunks_pass():
    assert search([3, 40, 99]) == (list(range(100)), [30, 31, 400, 401, 990, 991])


def test_a_filter_that_leaves_few_chunks_reads_more_cells():
    shares = [plan_cells(_CELLS, size, 1_000_000, lambda place: place).share for size in (1_000_000, 250_000)]
    assert shares[1] == pytest.approx(0.2)
    assert shares[0] < 0.2


def test_a_store_that_is_hardly_larger_than_what_is_read_at_least_is_read_whole():
    assert search(range(100), size=100_001)[0] == list(range(100))


@pytest.mark.parametrize(
    ("best", "rated"),
    [(range(20), 1000), ([*range(19), 499], 1000), ([*range(19), 500], 2000), ([700, 1999, 2000], 4000)],
)
def test_more_vectors_are_compared_while_the_best_have_late_codes(best, rated):
    read = []

    def rate(numbers):
        read.extend(numbers)
        yield from ()
        return {seq: 0.9 if seq in best else 0.5 - seq / 10_000 for seq in numbers}

    candidates = [(seq, 7) for seq in range(count_candidates(50, 1_000_000))]
    hits = run(rate_candidates(candidates, 50, rate))
    assert read == list(range(rated))
    assert {seq for seq, *_ in hits} >= set(best) & set(read)
    assert {cell for *_, cell in hits} == {7}
    assert len(hits) == 50


def test_a_filter_takes_more_candidates_as_far_as_it_leaves_many_chunks():
    counts = [count_candidates(50, filtered) for filtered in (None, 100, 10_000, 25_000, 1_000_000)]
    assert counts == [1000, 1000, 1000, 2000, 4000]
    assert count_candidates(400) == 3200
