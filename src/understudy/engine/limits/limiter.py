"""Admits requests by the limits of their key and project, and counts what they use. Knows no HTTP.

A request takes from all of its limits, or from none. Its tokens are reserved by an estimate, which is corrected once
they are known. Nodes that share a broker share the counts; while it is unavailable, each node allows its share.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Final, Literal

from understudy.broker import Broker, BrokerUnavailable, CellCost
from understudy.clock import Clock
from understudy.engine.limits.attempts import Attempts
from understudy.engine.limits.cells import LocalCells
from understudy.engine.limits.demand import Demand
from understudy.engine.limits.permissions import PermissionChecks
from understudy.engine.limits.policies import Policies
from understudy.engine.limits.policy import Policy, RelayedUnit, Rule
from understudy.engine.limits.refusals import exceeded_error, too_large_error
from understudy.engine.limits.spools import Spools
from understudy.errors import RateLimitExceeded
from understudy.llm.router import Models
from understudy.looper import Looper
from understudy.store.project_sizes import RunLimits

_SWEEP_SECONDS: Final = 1.0
_UNMEASURED: Final = Demand(0, 0)
logger = logging.getLogger(__name__)


class Reservation:
    """What a request has taken of its limits. With a `refusal` it has taken nothing.

    `levels` are the units in use by rule, with this request's if it was admitted; `tokens` are those reserved for it.
    """

    __slots__ = ("_add_used", "_project_id", "is_settled", "levels", "refusal", "rules", "tokens")

    def __init__(
        self,
        add: Callable[[str, Sequence[Rule], int], None],
        project_id: str,
        rules: Sequence[Rule],
        levels: Sequence[float],
        tokens: int,
        refusal: RateLimitExceeded | None = None,
    ) -> None:
        self._add_used = add
        self._project_id = project_id
        self.rules = rules
        self.levels = levels
        self.tokens = tokens
        self.refusal = refusal
        self.is_settled = refusal is not None

    def settle(self, tokens: int) -> None:
        """Corrects the reservation to the tokens that were used. A second call does nothing."""
        if not self.is_settled:
            self.is_settled = True
            self._add_used(self._project_id, self.rules, tokens - self.tokens)

    def transfer(self) -> int:
        """The reserved tokens, which another part will correct with `RateLimiter.charge`."""
        self.is_settled = True
        return self.tokens


class RateLimiter:
    def __init__(self, policies: Policies, broker: Broker, models: Models, clock: Clock) -> None:
        self.policies = policies
        self.permissions = PermissionChecks(policies, models)
        self.spools = Spools()
        self.attempts = Attempts()
        self._broker = broker
        self._models = models
        self._clock = clock
        self._cells = LocalCells()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_degraded = False
        self._loop = Looper(_SWEEP_SECONDS, self._sweep)
        self.start = self._loop.start

    async def stop(self) -> None:
        await self._loop.stop()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def reserve(
        self, project_id: str, key_id: str, model: str, measure: Callable[[], Demand]
    ) -> Reservation | None:
        """Admits one request of a model; None if it has no limits. `measure` is called if its tokens are limited."""
        if self.policies.is_unused:
            return None
        policy = self.policies.find(project_id, key_id) or await self.policies.load(project_id, key_id)
        rules = self._find_rules(policy, model)
        if not rules:
            return None
        limits_tokens = any(rule.unit == "tokens" for rule in rules)
        return await self._reserve(project_id, model, rules, measure() if limits_tokens else _UNMEASURED)

    async def admit_batch(self, project_id: str, key_id: str, model: str, tokens: int) -> RateLimitExceeded | None:
        """Counts the input tokens of a batch, or returns why it is refused."""
        if self.policies.is_unused:
            return None
        policy = self.policies.find(project_id, key_id) or await self.policies.load(project_id, key_id)
        rules = policy.list_batch_rules(self._models.names_and_url(model)[0])
        if not rules:
            return None
        return (await self._reserve(project_id, model or "batches", rules, Demand(tokens, 0))).refusal

    async def reserve_relayed(
        self, project_id: str, key_id: str, model: str, unit: RelayedUnit, amount: int
    ) -> Reservation | None:
        """Takes images or bytes of audio of a relayed request; None without limits. Raises RateLimitExceeded."""
        if self.policies.is_unused:
            return None
        policy = self.policies.find(project_id, key_id) or await self.policies.load(project_id, key_id)
        rules = policy.list_relayed_rules(self._models.names_and_url(model)[0], unit)
        if not rules:
            return None
        reservation = await self._reserve(project_id, model, rules, Demand(amount, 0))
        if reservation.refusal is not None:
            raise reservation.refusal
        return reservation

    async def run_limits(self, project_id: str, key_id: str) -> RunLimits | None:
        """How many runs may be active; None without limits, and without a key, as for a line of a batch."""
        if self.policies.is_unused or not key_id:
            return None
        policy = self.policies.find(project_id, key_id) or await self.policies.load(project_id, key_id)
        limits = RunLimits(policy.amount("project", "concurrent_runs"), policy.amount("key", "concurrent_runs"))
        return None if limits.project is None and limits.key is None else limits

    async def size_limit(self, project_id: str, metric: Literal["stored_bytes", "vector_stores"]) -> int | None:
        """How much a project may store; None without a limit."""
        if self.policies.is_unused:
            return None
        policy = self.policies.find(project_id, "") or await self.policies.load(project_id, "")
        return policy.amount("project", metric)

    def charge(self, project_id: str, key_id: str, model: str, tokens: int) -> None:
        """Counts tokens, or with a negative number gives them back, without an admission. May be lost."""
        if self.policies.is_unused or tokens == 0:
            return
        policy = self.policies.find(project_id, key_id)
        if policy is None:
            self._spawn(self._load_and_charge(project_id, key_id, model, tokens))
        else:
            self._add_used(project_id, self._find_rules(policy, model), tokens)

    async def _load_and_charge(self, project_id: str, key_id: str, model: str, tokens: int) -> None:
        policy = await self.policies.load(project_id, key_id)
        self._add_used(project_id, self._find_rules(policy, model), tokens)

    def _find_rules(self, policy: Policy, model: str) -> Sequence[Rule]:
        rules = policy.find_rules(model)
        return policy.list_rules(self._models.names_and_url(model)[0]) if rules is None else rules

    async def _reserve(self, project_id: str, model: str, rules: Sequence[Rule], demand: Demand) -> Reservation:
        tokens = demand.expected
        for rule in rules:
            if rule.unit == "requests" or tokens <= rule.limit:
                continue
            if demand.required > rule.limit:
                too_large = too_large_error(rule, model, demand.required)
                return Reservation(
                    self._add_used, project_id, rules, await self._read_levels(project_id, rules), 0, too_large
                )
            # A request is not refused for ever because of what it leaves open.
            tokens = rule.limit
        costs = [1 if rule.unit == "requests" else tokens for rule in rules]
        fits, levels = await self._take(project_id, rules, costs)
        refusal = None if fits else exceeded_error(rules, costs, levels, model)
        return Reservation(self._add_used, project_id, rules, levels, tokens, refusal)

    async def _read_levels(self, project_id: str, rules: Sequence[Rule]) -> Sequence[float]:
        return (await self._take(project_id, rules, [0] * len(rules)))[1]

    async def _take(
        self, project_id: str, rules: Sequence[Rule], costs: Sequence[float]
    ) -> tuple[bool, Sequence[float]]:
        if not self._broker.is_shared:
            return self._cells.take(rules, costs, self._clock.now())
        if self._broker.is_available:
            try:
                fits, levels = await self._broker.take_cells(project_id, _to_cells(rules, costs))
            except BrokerUnavailable:
                pass
            else:
                self._is_degraded = False
                return fits, levels
        self._note_degraded()
        return self._take_share(rules, costs)

    def _take_share(self, rules: Sequence[Rule], costs: Sequence[float]) -> tuple[bool, Sequence[float]]:
        """Counts each unit here for all nodes, so that together they do not exceed the limit."""
        nodes = self.policies.nodes
        scaled = [min(cost * nodes, max(cost, rule.limit)) for rule, cost in zip(rules, costs, strict=True)]
        return self._cells.take(rules, scaled, self._clock.now())

    def _add_used(self, project_id: str, rules: Sequence[Rule], tokens: int) -> None:
        """Adds to the limits of tokens, images or audio, in the background if nodes share them."""
        rules = [rule for rule in rules if rule.unit != "requests"]
        if not rules or not tokens:
            return
        costs = [tokens] * len(rules)
        if not self._broker.is_shared:
            self._cells.add(rules, costs, self._clock.now())
        elif self._broker.is_available:
            self._spawn(self._broker.add_to_cells(project_id, _to_cells(rules, costs)))
        else:
            self._cells.add(rules, [cost * self.policies.nodes for cost in costs], self._clock.now())

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._end_task)

    def _end_task(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.warning("tokens of a request were not counted: %s", error)

    def _note_degraded(self) -> None:
        if not self._is_degraded:
            self._is_degraded = True
            logger.warning(
                "the counts of limits are unavailable; until they are back, this node admits 1/%d of each limit",
                self.policies.nodes,
            )

    async def _sweep(self) -> None:
        self._cells.sweep(self._clock.now())


def _to_cells(rules: Sequence[Rule], costs: Sequence[float]) -> list[CellCost]:
    return [CellCost(rule.cell, rule.limit, rule.rate, cost) for rule, cost in zip(rules, costs, strict=True)]
