"""Prices usage, records it, and admits new work by balance and limits. Knows no HTTP and no SQL.

A project without a budget and limits is always admitted, with at most one database query per second. Started work is
never interrupted: its cost beyond the budget becomes a debt. So that concurrent work does not exceed a limit together,
each piece of it holds an estimate of its cost until it is charged.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from msgspec import Struct

from understudy import telemetry
from understudy.clock import Clock
from understudy.engine.limits.demand import UNASKED_OUTPUT, Demand
from understudy.engine.spending_holds import CostMeans, Hold, SpendingHolds
from understudy.engine.spending_view import Funds, SpendingView
from understudy.errors import FundsReserved, OutOfFunds
from understudy.llm.prices import CREDITS_PER_USD, FREE, Price, Prices, Tokens
from understudy.llm.router import Models
from understudy.settings import BillingSettings
from understudy.store.charges import Kind, Usage
from understudy.store.ledger import Ledger
from understudy.store.spending import Period, Spending
from understudy.store.usage_journal import UsageJournal

_UNLIMITED_CACHE_SECONDS: Final = 1.0
_MAX_UNLIMITED_CACHED: Final = 10_000
# The price of a media generation without a configured price, as at Luma.
_MEDIA_CREDITS: Final = 500_000
# A request may ask for far more output than it uses: it holds at most so many times the mean of the latest calls.
_MAX_MEANS_HELD: Final = 4
_PERIOD_PHRASES: Final[dict[Period, str]] = {"no_reset": "in all", "day": "a day", "week": "a week", "month": "a month"}
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Account:
    """The account of a project: `balance` in credits, a limit only if `budgeted`; `low` below the warning level."""

    balance: int
    budgeted: bool
    low: bool


class Work(Struct, frozen=True):
    """What a call may use. `measure` counts its tokens, None if they are not known before; `units` are as in a usage.

    With `batch`, the call has the discount of batches.
    """

    model: str
    kind: Kind = "completion"
    measure: Callable[[], Demand] | None = None
    units: int = 0
    batch: bool = False


class Accounting:
    def __init__(
        self,
        ledger: Ledger,
        journal: UsageJournal,
        models: Models,
        prices: Prices,
        settings: BillingSettings,
        clock: Clock,
    ) -> None:
        self.settings = settings
        self._ledger = ledger
        self._journal = journal
        self.holds = SpendingHolds()
        self.releasers: list[Callable[[], Awaitable[None]]] = []
        """What `release_ended` calls: functions that release holds, one for each kind of work; raise StoreError."""
        self._means = CostMeans()
        self._view = SpendingView(ledger, journal, self.holds)
        self._models = models
        self._prices = prices
        self._clock = clock
        self._free: dict[tuple[str, str], float] = {}
        # What was loaded before a change of a limit is not used after it.
        self._generation = 0
        self._settling: set[asyncio.Task[None]] = set()

    def forget_limits(self) -> None:
        """Called after a change of a budget or a spend limit, which counts for the next admission."""
        self._generation += 1
        self._free.clear()
        self._view.clear()

    async def close(self) -> None:
        """Waits for pending records."""
        await asyncio.gather(*self._settling)

    async def admit(self, project_id: str, key_id: str, *, is_journaled: bool = False) -> None:
        """Raises OutOfFunds if the balance is used up or a spend limit is reached, FundsReserved if what is left may be
        used up by work in progress.

        `is_journaled`: the work is charged by `charge`, so it is decided from memory.
        """
        if self.is_unlimited(project_id, key_id):
            return
        if not is_journaled:
            self._view.forget(project_id, key_id)
        await self._admit(project_id, key_id, 0)

    async def hold(self, project_id: str, key_id: str, work: Work) -> Hold | None:
        """As `admit` by what is in memory, for work that holds its estimated cost until the caller releases it.

        None for a project and key without a budget and limits. Work is never refused for its own estimate alone.
        """
        if self.is_unlimited(project_id, key_id):
            return None
        cost = await self._estimate(key_id, work)
        await self._admit(project_id, key_id, cost)
        hold = Hold(self.holds, project_id, key_id)
        hold.estimate(cost)
        return hold

    async def hold_credits(self, project_id: str, key_id: str, costs: Sequence[int]) -> list[Hold]:
        """As `hold`, for work with known costs that is admitted together; empty if nothing is limited."""
        if self.is_unlimited(project_id, key_id):
            return []
        await self._admit(project_id, key_id, sum(costs))
        if self.is_unlimited(project_id, key_id):
            return []
        holds = [Hold(self.holds, project_id, key_id) for _ in costs]
        for hold, cost in zip(holds, costs, strict=True):
            hold.estimate(cost)
        return holds

    async def estimate(self, key_id: str, work: Work) -> int:
        """The credits that a call will cost, for `hold_credits`."""
        return await self._estimate(key_id, work)

    async def update_hold(self, hold: Hold, work: Work) -> None:
        """Replaces the estimate for the next call of the same work."""
        hold.estimate(await self._estimate(hold.key_id, work))

    def settle_hold(self, hold: Hold, usage: Usage) -> None:
        """The work's call is to be charged with this usage, in a transaction."""
        self.note_cost(usage)
        hold.charge(usage.credits)

    def note_cost(self, usage: Usage) -> None:
        """Notes what a call has used, for the estimates of later ones; one without a cost has failed."""
        if usage.credits:
            self._means.add(usage.key_id, usage.model, usage.kind, usage.output_tokens, usage.credits)

    async def release_ended(self) -> None:
        """Releases the holds of work that has ended on other servers. Raises StoreError."""
        for release in self.releasers:
            await release()

    def is_unlimited(self, project_id: str, key_id: str) -> bool:
        """Whether neither had a budget or a limit at an admission in the last second."""
        return self._free.get((project_id, key_id), 0.0) > self._clock.now()

    async def _admit(self, project_id: str, key_id: str, cost: int) -> None:
        """Nothing is awaited between the decision and the return, so that two callers do not get the same credits."""
        now = self._clock.now()
        refusal = await self._find_refusal(project_id, key_id, now, cost)
        if refusal is None:
            return
        if isinstance(refusal, FundsReserved):
            await self.release_ended()
        # Others may have granted credits since the state was read, or it lacks what has just been charged here.
        self._view.forget(project_id, key_id)
        if (refusal := await self._find_refusal(project_id, key_id, now, cost)) is not None:
            raise refusal

    async def _estimate(self, key_id: str, work: Work) -> int:
        """The credits of a call that begins."""
        price = await self._find_price(work.model)
        if price is None or (work.measure is None and not (work.units and price.unit)):
            mean = self._means.find_credits(key_id, work.model, work.kind)
            if price is None or mean is not None:
                return mean or 0
        demand = Demand(0, None) if work.measure is None else work.measure()
        mean = self._means.find_output(key_id, work.model, work.kind)
        if demand.output is None:
            output = UNASKED_OUTPUT if mean is None else mean
        else:
            output = demand.output if mean is None else min(demand.output, _MAX_MEANS_HELD * mean)
        discount = self.settings.batch_discount if work.batch else 0.0
        return price.cost(Tokens(demand.input, output), units=work.units, discount=discount)

    async def _find_refusal(
        self, project_id: str, key_id: str, now: float, cost: int
    ) -> OutOfFunds | FundsReserved | None:
        funds = await self._load_funds(project_id, key_id, int(now))
        state = funds.state
        if state.balance is None and not state.limits:
            if len(self._free) >= _MAX_UNLIMITED_CACHED:
                self._free.clear()
            self._free[project_id, key_id] = now + _UNLIMITED_CACHE_SECONDS
            return None
        for one in state.limits:
            if one.spent >= one.limit.credits:
                return OutOfFunds(_spend_limit_message(one, project_id))
        if state.balance is not None and (refusal := await self._check_balance(project_id, state.balance)) is not None:
            return refusal
        return self._check_reserved(project_id, funds, cost)

    async def _load_funds(self, project_id: str, key_id: str, now: int) -> Funds:
        """Reads again what a change of a limit has overtaken."""
        while True:
            generation = self._generation
            funds = await self._view.load(project_id, key_id, now)
            if generation == self._generation:
                return funds
            self._view.forget(project_id, key_id)

    def _check_reserved(self, project_id: str, funds: Funds, cost: int) -> FundsReserved | None:
        """Work alone is admitted as long as anything is left: an estimate may be far too high."""
        for one in funds.state.limits:
            held = funds.held[one.limit.scope]
            if held and one.spent + held + cost > one.limit.credits:
                return FundsReserved(_reserved_message(one, held, project_id))
        # A budget that tops itself up does not run out.
        held, balance = funds.held[project_id], funds.state.balance
        if balance is not None and held and held + cost > balance and not self.settings.auto_top_up_usd:
            return FundsReserved(
                f"The project's balance is reserved for work in progress: it is {balance} credits, and that work may"
                f" cost {held}. Try again once it has ended."
            )
        return None

    async def account(self, project_id: str) -> Account:
        account = await self._ledger.account(project_id)
        low = account.budgeted and account.balance < self.settings.low_balance
        return Account(account.balance, account.budgeted, low)

    def prefetch_price(self, model: str) -> None:
        """Looks up the price of a model in the background, before its reply needs it."""
        self._prices.start_loading(model)

    async def usage(
        self,
        reference: str,
        kind: Kind,
        model: str,
        tokens: Tokens,
        *,
        key_id: str = "",
        requests: int = 1,
        units: int = 0,
        batch: bool = False,
    ) -> Usage:
        """The usage of a reply with its cost, for `record`, or for `store.ledger.record` in a transaction.

        `reference` is unique to the reply: a second record with the same one is ignored.
        """
        price = await self._find_price(model)
        discount = self.settings.batch_discount if batch else 0.0
        credits_ = 0 if price is None else price.cost(tokens, requests=requests, units=units, discount=discount)
        if price is None and kind == "video":
            credits_ = _MEDIA_CREDITS * requests
        telemetry.publish(
            telemetry.TokensUsed(
                model=model,
                input_tokens=tokens.input,
                cached_tokens=tokens.cached,
                output_tokens=tokens.output,
                cost=usd(credits_),
            )
        )
        return Usage(
            reference=reference,
            kind=kind,
            model=model,
            created_at=int(self._clock.now()),
            key_id=key_id,
            input_tokens=tokens.input,
            cached_tokens=tokens.cached,
            output_tokens=tokens.output,
            credits=credits_,
            priced=price is not None or kind == "video",
            batch=batch,
            requests=requests,
            units=units,
            input_audio_tokens=tokens.audio_input,
            output_audio_tokens=tokens.audio_output,
        )

    async def _find_price(self, model: str) -> Price | None:
        if self._models.is_stand_in(model):
            return FREE
        names, url = self._models.names_and_url(model)
        return await self._prices.price(names, url)

    async def record(self, project_id: str, usage: Usage) -> None:
        """Durable when it returns. For callers without a transaction of their own, about something that is stored."""
        await self._ledger.record(project_id, usage)

    async def charge(self, project_id: str, usage: Usage) -> None:
        """Counts a reply that is not stored. When it returns, the usage survives the death of the process."""
        await self._journal.add(project_id, usage)

    def record_in_background(self, project_id: str, usage: Awaitable[Usage], hold: Hold | None = None) -> None:
        """For a reply whose client has disconnected; releases its `hold`."""
        if hold is not None:
            hold.is_transferred = True

        async def settle() -> None:
            try:
                await self._journal.add(project_id, await usage)
            except Exception:
                logger.exception("recording the usage of a disconnected client failed")
            finally:
                if hold is not None:
                    hold.release()

        task = asyncio.create_task(settle())
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)

    async def _check_balance(self, project_id: str, balance: int) -> OutOfFunds | None:
        amount, below = _to_credits(self.settings.auto_top_up_usd), _to_credits(self.settings.auto_top_up_below_usd)
        if amount and balance < below and await self._ledger.top_up(project_id, below, amount, int(self._clock.now())):
            self._view.clear()
            balance += amount
        if balance > 0:
            return None
        return OutOfFunds(
            f"You've run out of funds: the project's balance is {balance} credits. New work begins again once the"
            " operator of this server has granted more, with `understudy credits grant`."
        )


def usd(credits_: int) -> float:
    return credits_ / CREDITS_PER_USD


def _to_credits(usd_: float) -> int:
    return round(usd_ * CREDITS_PER_USD)


def _limited(one: Spending, project_id: str) -> str:
    """What has the spend limit, in words."""
    return "project" if one.limit.scope == project_id else "API key"


def _reserved_message(one: Spending, held: int, project_id: str) -> str:
    whose, limit, spent = _limited(one, project_id), usd(one.limit.credits), usd(one.spent)
    return (
        f"What is left of the spend limit of this {whose} is reserved for work in progress: {spent:.6g} USD of"
        f" {limit:.6g} USD {_PERIOD_PHRASES[one.limit.period]} are spent, and that work may cost {usd(held):.6g} USD."
        " Try again once it has ended."
    )


def _spend_limit_message(one: Spending, project_id: str) -> str:
    whose, limit, spent = _limited(one, project_id), usd(one.limit.credits), usd(one.spent)
    return (
        f"The spend limit of this {whose} is reached: {spent:.6g} USD are spent of {limit:.6g} USD"
        f" {_PERIOD_PHRASES[one.limit.period]}. Wait for the next period, or have the operator of this server raise the"
        " limit."
    )
