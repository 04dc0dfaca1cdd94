"""What `scripts/bench compare` says of two checkouts: which one a ratio favours, and how rounds alternate."""

import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.pairs import Pair, Row
from benchmarks.rounds import Round

ROOT = Path(__file__).parent.parent


class Recorded:
    """A case whose rounds have the given rates; notes in `order` when it ran."""

    def __init__(self, name, rates, order):
        self.name = name
        self._rates = iter(rates)
        self._order = order

    async def run(self, seconds):
        self._order.append(self.name)
        return Round(round(next(self._rates) * seconds), seconds, {}, {}, cpu=seconds)


def test_a_ratio_above_one_means_that_this_checkout_is_better():
    assert Row("rate", "1/s", [(200.0, 100.0)]).ratios == [2.0]
    assert Row("time", "ms", [(50.0, 100.0)], lower_is_better=True).ratios == [2.0]


async def test_rounds_alternate_which_checkout_runs_first_and_pairs_stay_this_and_other():
    order = []
    pair = Pair("runs", "1/s", Recorded("this", [10, 20, 30], order), Recorded("other", [5, 10, 15], order))

    for number in range(3):
        await pair.run(number, 1.0)

    assert order == ["this", "other", "other", "this", "this", "other"]
    assert pair.row().pairs == [(10.0, 5.0), (20.0, 10.0), (30.0, 15.0)]
    assert pair.row().cpu_ratio == 2.0


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["compare"], "compare requires --against PATH"),
        (["compare", "--against", ".", "nothing"], "unknown name 'nothing'"),
        (["crud", "--against", "."], "no other benchmark takes it"),
        (["compare", "--against", "/nonexistent"], "is not a checkout of this project"),
    ],
)
def test_a_comparison_refuses_what_it_cannot_compare(arguments, text):
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert text in done.stderr
