"""The limits of the key of a run: admits the run before its first model turn, counts its tokens and its images."""

import asyncio
from collections.abc import Callable

from understudy.engine.limits.demand import Demand, count_tokens
from understudy.engine.limits.limiter import RateLimiter, Reservation
from understudy.engine.run.prompt import Prompt
from understudy.engine.run.spec import RunSpec
from understudy.store.run_state import Progress


async def measure_prompt(prompt: Prompt, most: int | None) -> Callable[[], Demand]:
    """What estimates the tokens of a turn, with at most `most` of its answer. A long prompt is counted in a thread."""
    counted = await asyncio.to_thread(count_tokens, prompt.body) if prompt.is_long else None
    return lambda: Demand(count_tokens(prompt.body) if counted is None else counted, most)


class RunTokens:
    """A run without a key, as that of a line of a batch, has no limits of tokens here."""

    def __init__(self, limiter: RateLimiter, project_id: str, spec: RunSpec, progress: Progress) -> None:
        self._limiter = limiter
        self._project_id = project_id
        self._spec = spec
        self._progress = progress

    async def admit(self, prompt: Prompt) -> None:
        """Does nothing for a run that is admitted. Raises RateLimitExceeded."""
        progress = self._progress
        if progress.reserved is not None or not progress.limited_key_id:
            return
        measure = await measure_prompt(prompt, self._spec.max_completion_tokens)
        reservation = await self._limiter.reserve(self._project_id, progress.limited_key_id, self._spec.model, measure)
        if reservation is not None and reservation.refusal is not None:
            raise reservation.refusal
        progress.reserved = 0 if reservation is None else reservation.transfer()

    async def reserve_image(self, model: str) -> Reservation | None:
        """Takes one image from the limits of a model of images; None without any. Raises RateLimitExceeded."""
        return await self._limiter.reserve_relayed(self._project_id, self._progress.key_id, model, "images", 1)

    async def stored_bytes(self) -> int | None:
        """How many bytes the project may store; None without a limit."""
        return await self._limiter.size_limit(self._project_id, "stored_bytes")

    def charge(self, tokens: int) -> None:
        """Counts the tokens of a call of the model, of which the first corrects what was reserved for the run."""
        reserved, self._progress.reserved = self._progress.reserved or 0, 0
        if key_id := self._progress.limited_key_id:
            self._limiter.charge(self._project_id, key_id, self._spec.model, tokens - reserved)

    def release(self) -> None:
        """Gives back what is reserved for a run that ends without a call of the model."""
        if self._progress.reserved:
            self.charge(0)
