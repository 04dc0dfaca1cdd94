"""Admits and charges the responses and transcriptions of one realtime session. Knows no connection.

Usage is in the journal when a method returns, so that every `response.done` that a client receives is counted.
"""

import asyncio
from collections import deque
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from understudy import ids
from understudy.engine.accounting import Accounting, Work
from understudy.engine.limits.demand import Demand
from understudy.engine.limits.limiter import RateLimiter, Reservation
from understudy.engine.spending_holds import Hold, released_after
from understudy.errors import ApiError, FundsReserved
from understudy.llm.prices import Tokens
from understudy.llm.usage import count_seconds, parse_event_usage, parse_usage
from understudy.store.charges import Kind

_MAX_OPEN: Final = 64
_MAX_OUTPUT: Final = ("max_output_tokens", "max_response_output_tokens")


@dataclass(frozen=True, slots=True)
class _Taken:
    """What one response has taken of the limit of tokens, and of the funds; None without limits."""

    tokens: Reservation | None
    hold: Hold | None

    def give_back(self) -> None:
        if self.tokens is not None:
            self.tokens.settle(0)
        if self.hold is not None:
            self.hold.release()


_NOTHING: Final = _Taken(None, None)


class RealtimeMeter:
    """`totals` are the tokens of all responses, `responses` their number."""

    def __init__(self, accounting: Accounting, limiter: RateLimiter, project_id: str, key_id: str, model: str) -> None:
        self.responses = 0
        self.input_tokens = self.output_tokens = 0
        self._accounting = accounting
        self._limiter = limiter
        self._project_id = project_id
        self._key_id = key_id
        self._model = model
        self._requested: deque[_Taken] = deque()
        """What is reserved for responses that the client has requested, and the provider has not yet created."""
        self._open: dict[str, _Taken] = {}
        self._ended: deque[str] = deque(maxlen=_MAX_OPEN)
        self._charging: set[asyncio.Task[None]] = set()
        self.is_quiet = asyncio.Event()
        """Set while no response is in progress; see `mark_ended`."""
        self.is_quiet.set()
        accounting.prefetch_price(model)

    async def check_funds(self) -> None:
        """Raises OutOfFunds. What other work holds ends no session."""
        with suppress(FundsReserved):
            await self._accounting.admit(self._project_id, self._key_id, is_journaled=True)

    async def request_response(self, event: Mapping[str, Any]) -> None:
        """Takes a client's `response.create` from the limits.

        Raises OutOfFunds, FundsReserved and RateLimitExceeded.
        """
        await self.check_funds()
        taken = await self._take(event.get("response"))
        if len(self._requested) < _MAX_OPEN:
            self._requested.append(taken)
        else:
            taken.give_back()

    async def begin_response(self, response_id: str) -> ApiError | None:
        """Counts a response that the provider has created, also one that nobody has requested: after a turn of speech.

        Returns the error of an exceeded limit; what the response uses is counted all the same.
        """
        self.is_quiet.clear()
        error: ApiError | None = None
        taken = self._requested.popleft() if self._requested else None
        if taken is None:
            try:
                taken = await self._take(None)
            except ApiError as refusal:
                error = refusal
        if len(self._open) < _MAX_OPEN:
            self._open[response_id] = taken or _NOTHING
        elif taken is not None:
            taken.give_back()
        return error

    def fail_request(self) -> None:
        """Gives back what was taken for a response that the provider has refused."""
        if self._requested:
            self._requested.popleft().give_back()

    async def end_response(self, response_id: str, event: str | bytes) -> None:
        """Charges the usage of a `response.done`, once for each response."""
        if response_id not in self._open and response_id in self._ended:
            return
        if response_id:
            self._ended.append(response_id)
        tokens = parse_event_usage(event) or Tokens()
        taken = self._open.pop(response_id, _NOTHING)
        used = tokens.input + tokens.output
        if taken.tokens is not None:
            taken.tokens.settle(used)
        else:
            self._limiter.charge(self._project_id, self._key_id, self._model, used)
        self.responses += 1
        self.input_tokens += tokens.input
        self.output_tokens += tokens.output
        await self._shield(self._charge("completion", self._model, tokens, 0, taken.hold))

    def mark_ended(self) -> None:
        """Called once the client has the end of a response."""
        if not self._open:
            self.is_quiet.set()

    async def end_transcription(self, event: str | bytes, model: str) -> None:
        """Charges the usage of a transcription of input, by tokens or by seconds."""
        data = event.encode() if isinstance(event, str) else event
        tokens, seconds = parse_usage(data) or Tokens(), count_seconds(data)
        self._limiter.charge(self._project_id, self._key_id, model, tokens.input + tokens.output)
        await self._shield(self._charge("transcription", model, tokens, seconds))

    async def close(self) -> None:
        """Gives back what was taken for responses without an end, and waits for charges."""
        for taken in (*self._requested, *self._open.values()):
            taken.give_back()
        self._requested.clear()
        self._open.clear()
        await asyncio.gather(*self._charging, return_exceptions=True)

    async def _take(self, response: object) -> "_Taken":
        """What the limits and the funds have for a response. Raises OutOfFunds, FundsReserved and RateLimitExceeded."""
        options = response if isinstance(response, Mapping) else {}
        most = next((options[name] for name in _MAX_OUTPUT if isinstance(options.get(name), int)), None)
        output = most if most is not None and most > 0 else None
        demand = Demand(0, output)
        reservation = await self._limiter.reserve(self._project_id, self._key_id, self._model, lambda: demand)
        if reservation is not None and reservation.refusal is not None:
            raise reservation.refusal
        # The context of a session, and how much of its output will be audio, are unknown: the mean is more accurate.
        work = Work(self._model)
        try:
            return _Taken(reservation, await self._accounting.hold(self._project_id, self._key_id, work))
        except BaseException:
            _Taken(reservation, None).give_back()
            raise

    async def _charge(self, kind: Kind, model: str, tokens: Tokens, units: int, hold: Hold | None = None) -> None:
        with released_after(hold):
            usage = await self._accounting.usage(ids.inference(), kind, model, tokens, key_id=self._key_id, units=units)
            await self._accounting.charge(self._project_id, usage)
        if hold is not None:
            self._accounting.note_cost(usage)

    async def _shield(self, charge: Coroutine[Any, Any, None]) -> None:
        """The end of a session must not interrupt a charge."""
        task = asyncio.create_task(charge)
        self._charging.add(task)
        task.add_done_callback(self._charging.discard)
        await asyncio.shield(task)
