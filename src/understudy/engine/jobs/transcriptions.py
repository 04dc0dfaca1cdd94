"""Transcriptions as jobs: a form that was stored is sent to the model's provider, and the result stored with its usage.

Knows no HTTP and no form of a response.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from understudy import ids
from understudy.blobs import Blobs
from understudy.broker import Broker
from understudy.clock import Clock
from understudy.correlation import Origin
from understudy.engine.accounting import Accounting
from understudy.engine.files import Files
from understudy.engine.job_holds import JobHolds
from understudy.engine.jobs.backoff import Backoff
from understudy.engine.jobs.job import MAX_INTERRUPTIONS, JobKind
from understudy.engine.jobs.pool import LeasePool
from understudy.engine.spending_holds import Hold, released_on_error
from understudy.errors import StoreError, UpstreamError
from understudy.llm.prices import Tokens
from understudy.llm.relayed_form import RelayedForm
from understudy.llm.router import Models
from understudy.llm.usage import count_seconds, estimate_seconds, parse_usage
from understudy.looper import Looper
from understudy.store import Store
from understudy.store.charges import Usage
from understudy.store.fair_candidates import FairCursor
from understudy.store.transcriptions import TranscriptionClaim, TranscriptionRecord
from understudy.store.workers import Candidate

OPERATION: Final = "audio/transcriptions"
_MAX_ACTIVE: Final = 1000
"""Transcriptions of a project that have not ended."""
_KEEP_SECONDS: Final = 30 * 86_400.0
_EXPIRY_SECONDS: Final = 60.0
_MAX_CANDIDATES: Final = 32
_MAX_INTERRUPTIONS_TEXT: Final = "The server stopped unexpectedly {} times during this transcription."
_INTERNAL_ERROR_TEXT: Final = "The server had an error during the transcription; the server's log has the cause."
_BACKOFF: Final = Backoff(first=1.0, longest=60.0, max_attempts=6)
logger = logging.getLogger(__name__)


class Transcriptions(JobKind[int, TranscriptionClaim]):
    name = "transcription"

    def __init__(
        self,
        store: Store,
        blobs: Blobs,
        files: Files,
        models: Models,
        accounting: Accounting,
        clock: Clock,
        broker: Broker,
        holds: JobHolds,
        places: int,
    ) -> None:
        """At most `places` recordings are transcribed at a time."""
        self._store = store.transcriptions
        self._blobs = blobs
        self._files = files
        self._models = models
        self._accounting = accounting
        self._clock = clock
        self._holds = holds
        self._cursor = FairCursor()
        loops = (Looper(_EXPIRY_SECONDS, self._delete_expired),)
        self._pool = LeasePool(self, store.workers, clock, "scribe", places, broker, loops)
        self.start = self._pool.start
        self.stop = self._pool.stop

    async def create(
        self, project_id: str, form: RelayedForm, key_id: str, limit: int | None, hold: Hold | None = None
    ) -> str:
        """Returns the id. `hold` becomes that of the transcription.

        Raises RateLimited if too many have not ended, InvalidRequest if the project would store more bytes than
        `limit`, and StoreError.
        """
        self._pool.require_running()
        transcription_id = ids.generation()
        async with self._files.open_draft() as draft:
            async for chunk in form.read_parts():
                await draft.write(chunk)
            blob = await draft.commit()
            record = TranscriptionRecord(
                model=form.model,
                created_at=int(self._clock.now()),
                boundary=form.boundary,
                fields=form.fields,
                size=form.size,
                seconds=form.seconds,
                key_id=key_id,
            )
            self._holds.bind(hold, transcription_id)
            with released_on_error(hold):
                await self._store.create(project_id, transcription_id, record, blob.name, most=_MAX_ACTIVE, limit=limit)
        self._pool.wake()
        return transcription_id

    # -- for the pool ------------------------------------------------------------------------------------------

    async def list_candidates(self, now: float) -> list[Candidate[int]]:
        return await self._store.list_candidates(now, _MAX_CANDIDATES, self._cursor)

    async def claim(self, candidate: Candidate[int], owner: str, now: float) -> TranscriptionClaim | None:
        return await self._store.claim(candidate.key, owner, now)

    async def list_owned(self, owner: str) -> Mapping[int, Any]:
        return await self._store.list_owned(owner)

    def origin(self, work: TranscriptionClaim, /) -> Origin:
        return work.origin

    def created_at(self, work: TranscriptionClaim, /) -> float | None:
        return work.record.created_at if work.attempts == 1 else None

    async def release_forgotten(self, owner: str, keys: Sequence[int]) -> None:
        for seq in keys:
            await self._store.release(seq, owner, attempts=1)

    async def _delete_expired(self) -> None:
        await self._store.expire(self._clock.now() - _KEEP_SECONDS)

    # -- one transcription -------------------------------------------------------------------------------------

    async def run(self, work: TranscriptionClaim) -> float | None:
        if work.interruptions > MAX_INTERRUPTIONS:
            await self._fail(work, "server_error", _MAX_INTERRUPTIONS_TEXT.format(work.interruptions))
            return None
        try:
            result = await self._transcribe(work)
            usage = await self._price(work, result)
            record = replace(work.record, result=msgspec.Raw(result), credits=usage.credits)
            await self._finish_job(work, record, usage)
        except asyncio.CancelledError:
            await self._store.release(work.seq, self._pool.id, attempts=1)
        except UpstreamError as error:
            if error.is_retryable:
                return await self._retry(work, error.kind, error.message, error.retry_after or 0.0)
            await self._fail(work, error.kind, error.message)
        except StoreError as error:
            logger.warning("transcription %s: not stored: %s", work.id, error)
            return await self._retry(work, "server_error", _INTERNAL_ERROR_TEXT)
        except Exception:
            logger.exception("transcription %s: failed", work.id)
            return await self._retry(work, "server_error", _INTERNAL_ERROR_TEXT)
        return None

    async def _transcribe(self, claimed: TranscriptionClaim) -> bytes:
        """The provider's object. Raises UpstreamError and StoreError."""
        record = claimed.record
        async with self._blobs.path(claimed.input) as path:
            with await asyncio.to_thread(path.open, "rb") as spool:
                form = RelayedForm(spool, record.size, record.boundary, record.model, record.fields)
                response = await self._models.relay(OPERATION, form)
        if response.whole is None:
            response.close()
            raise UpstreamError("malformed", "The upstream returned a stream for a transcription.")
        if response.is_json:
            return response.whole
        return msgspec.json.encode({"text": response.whole.decode("utf-8", "replace")})

    async def _price(self, claimed: TranscriptionClaim, result: bytes) -> Usage:
        record, tokens, seconds = claimed.record, parse_usage(result), count_seconds(result)
        if tokens is None and not seconds:
            seconds = estimate_seconds(result, record.seconds)
        return await self._accounting.usage(
            claimed.id, "transcription", record.model, tokens or Tokens(), key_id=record.key_id, units=seconds
        )

    async def _retry(
        self,
        claimed: TranscriptionClaim,
        name: str,
        reason: str,
        at_least: float = 0.0,
    ) -> float | None:
        delay = _BACKOFF.delay(claimed.attempts, at_least)
        if delay is None:
            await self._fail(claimed, name, reason)
            return None
        logger.warning("transcription %s: retry in %g s: %s", claimed.id, delay, reason)
        await self._store.release(claimed.seq, self._pool.id, self._clock.now() + delay)
        return delay

    async def _fail(self, claimed: TranscriptionClaim, name: str, reason: str) -> None:
        logger.warning("transcription %s: failed: %s", claimed.id, reason)
        await self._finish_job(claimed, replace(claimed.record, error=(name, reason)), None)

    async def _finish_job(self, claimed: TranscriptionClaim, record: TranscriptionRecord, usage: Usage | None) -> None:
        ended = TranscriptionClaim(
            seq=claimed.seq, project_id=claimed.project_id, id=claimed.id, input=claimed.input, record=record
        )
        if await self._store.finish(self._pool.id, ended, self._clock.now(), usage):
            if usage is not None:
                self._accounting.note_cost(usage)
            self._holds.settle(claimed.id, 0 if usage is None else usage.credits)
