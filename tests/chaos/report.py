"""The figures of a chaos run, for people."""

from collections.abc import Sequence
from typing import Final

from chaos.checks import Result
from chaos.evidence import Evidence

_MOST_FAULTS: Final = 8


def print_report(evidence: Evidence, results: Sequence[Result], seed: int) -> bool:
    """Returns whether every check is met."""
    journal = evidence.journal
    print(f"\nseed {seed}; faults:")
    for fault in journal.faults:
        print(f"  {fault}")
    print(f"\nreplies: {', '.join(f'{count} × {name}' for name, count in journal.replies.most_common())}")
    resumed = sum(len(log.connections) - 1 for log in journal.followed)
    errors = sum(len(log.errors) for log in journal.followed)
    ended = sum(log.has_ended for log in journal.followed)
    print(f"followers: {len(journal.followed)}, {ended} saw the end, {resumed} times resumed, {errors} error events")
    if journal.recoveries:
        slowest = max(recovery.seconds for recovery in journal.recoveries)
        runs = sum(recovery.runs for recovery in journal.recoveries)
        print(
            f"recovery after kill -9: {runs} runs of {len(journal.recoveries)} nodes, at most {slowest:.1f} s (goal 10)"
        )
    print()
    for result in results:
        verdict = "ok" if result.is_met else "FAILED" if result.faults else "FAILED: nothing examined"
        print(f"{result.examined:8}  {result.name}: {verdict}")
        for fault in result.faults[:_MOST_FAULTS]:
            print(f"          {fault[:700]}")
        if len(result.faults) > _MOST_FAULTS:
            print(f"          … {len(result.faults) - _MOST_FAULTS} more")
    return all(result.is_met for result in results)
