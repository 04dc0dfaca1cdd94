"""Charges what models of providers were used for during indexing and searches. Knows no index."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from understudy.engine.accounting import Accounting, Work
from understudy.engine.limits.demand import Demand
from understudy.llm.prices import Tokens
from understudy.retrieval.model_use import ModelUse, UseKind

# A token has about four bytes, and is in two chunks by default, since chunks overlap.
_BYTES_A_TOKEN: Final = 2


@dataclass(frozen=True, slots=True)
class Payer:
    """The key `key_id` of the project pays; `reference` is unique to the work, and the same when it is repeated."""

    project_id: str
    reference: str
    key_id: str = ""


class RetrievalCharges:
    def __init__(self, accounting: Accounting) -> None:
        self._accounting = accounting

    async def admit(self, project_id: str, key_id: str) -> None:
        """Called before models of providers are used. Raises OutOfFunds and FundsReserved."""
        await self._accounting.admit(project_id, key_id)

    async def estimate(self, key_id: str, model: str, sizes: Sequence[int]) -> list[int]:
        """The estimated credits for indexing texts of these sizes in bytes."""
        tokens = [size // _BYTES_A_TOKEN for size in sizes]
        works = [Work(model, "embedding", partial(Demand, one, 0)) for one in tokens]
        return [await self._accounting.estimate(key_id, work) for work in works]

    async def record(self, payer: Payer, uses: Iterable[ModelUse]) -> int:
        """Records the uses as one usage for each model, unless they were recorded before. Durable when it returns.

        Returns the credits.

        Raises StoreError.
        """
        credits_ = 0
        sums: dict[tuple[UseKind, str], list[int]] = {}
        for use in uses:
            sums.setdefault((use.kind, use.model), []).append(use.tokens)
        for (kind, model), tokens in sums.items():
            usage = await self._accounting.usage(
                f"{payer.reference}:{kind}:{model}",
                kind,
                model,
                Tokens(sum(tokens)),
                key_id=payer.key_id,
                requests=len(tokens),
            )
            await self._accounting.record(payer.project_id, usage)
            credits_ += usage.credits
        return credits_
