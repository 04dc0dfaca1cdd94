"""The usage of one relayed response: whole, in chunks of bytes, or in events. Charges it once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from understudy import ids
from understudy.engine.accounting import Accounting
from understudy.engine.limits.limiter import Reservation
from understudy.engine.spending_holds import Hold
from understudy.errors import UpstreamError
from understudy.llm.prices import Tokens
from understudy.llm.relay import RelayBody
from understudy.llm.usage import estimate_seconds, is_finished_image, parse_usage
from understudy.store.charges import Kind, Usage

# Audio in events is base64.
_BYTES_OF_BASE64: Final = 3 / 4


@dataclass(frozen=True, slots=True)
class RelayRequest:
    """`operation` is the path below the base URL, `kind` what is charged.

    `units` counts what a unit price is for, in a whole response or in the event of a stream with its usage.
    """

    operation: str
    kind: Kind
    body: RelayBody
    units: Callable[[bytes], int]


@dataclass(frozen=True, slots=True)
class Admitted:
    """What a request has taken of the limits of tokens, of images or audio, and of the funds; None without limits."""

    tokens: Reservation | None
    units: Reservation | None
    hold: Hold | None


class RelayMeter:
    def __init__(
        self,
        accounting: Accounting,
        relayed: RelayRequest,
        project_id: str,
        key_id: str,
        reference: str,
        admitted: Admitted,
    ) -> None:
        self._accounting = accounting
        self._relayed = relayed
        self._project_id = project_id
        self._key_id = key_id
        self._reference = reference or ids.inference()
        self._admitted = admitted
        self._settled = False
        self._is_image = relayed.kind == "image"
        self._tokens = Tokens()
        self._units = 0
        self._sent_bytes = 0
        accounting.prefetch_price(relayed.body.model)

    def count_chunk(self, chunk: bytes) -> None:
        """Counts bytes of a response that is neither JSON nor a text nor a stream of events."""
        self._sent_bytes += len(chunk)
        self._units = self._relayed.units(b"")

    def count_event(self, data: bytes) -> None:
        """Counts the data of an event. Each image of a stream has an event with its usage; other streams have one."""
        self._sent_bytes += int(len(data) * _BYTES_OF_BASE64)
        if self._is_image:
            if is_finished_image(data):
                self._units += 1
                self._tokens += parse_usage(data) or Tokens()
        elif b'"usage"' in data:
            self._tokens, self._units = parse_usage(data) or self._tokens, self._relayed.units(data)
        elif self._relayed.kind == "speech":
            self._units = self._relayed.units(b"")

    async def charge(self, body: bytes) -> Usage:
        """Counts a whole response, before its last byte is sent."""
        self._sent_bytes = len(body)
        self._tokens, self._units = parse_usage(body) or Tokens(), self._relayed.units(body)
        self._estimate_seconds(body)
        return await self._record()

    async def charge_stream(self) -> Usage:
        """Counts a stream that has ended, before its last bytes are sent. Raises UpstreamError if it was empty."""
        if not self._sent_bytes:
            raise UpstreamError("malformed", "The stream of the upstream ended without an event.")
        if self._is_image:
            self._units = max(self._units, 1)
        self._estimate_seconds(b"")
        return await self._record()

    def charge_broken(self) -> None:
        """Counts what a client has of a stream that its provider did not complete: whole images, speech, tokens."""
        if self._settled:
            return
        if self._units or self._tokens != Tokens():
            self._record_in_background()
        else:
            self._settled = True
            self.release()

    def charge_abandoned(self, body: bytes = b"") -> None:
        """Counts a response whose client has disconnected, unless it is counted: the provider does all of the work."""
        if self._settled:
            return
        if body:
            self._tokens, self._units = parse_usage(body) or Tokens(), self._relayed.units(body)
        elif not self._is_image and not self._units:
            self._units = self._relayed.units(b"")
        if self._is_image:
            self._units = max(self._units, 1)
        self._estimate_seconds(body)
        self._record_in_background()

    def release(self) -> None:
        """Gives back what is reserved for a request that has failed."""
        if self._admitted.units is not None:
            self._admitted.units.settle(0)

    async def _record(self) -> Usage:
        self._settle_reservations()
        usage = await self._build_usage()
        await self._accounting.charge(self._project_id, usage)
        if self._admitted.hold is not None:
            self._accounting.note_cost(usage)
            self._admitted.hold.release()
        return usage

    def _estimate_seconds(self, transcript: bytes) -> None:
        """Texts and subtitles do not have what the provider used."""
        if self._relayed.kind == "transcription" and not self._units and self._tokens == Tokens():
            self._units = estimate_seconds(transcript, self._relayed.body.seconds)

    def _record_in_background(self) -> None:
        self._settle_reservations()
        self._accounting.record_in_background(self._project_id, self._build_usage(), self._admitted.hold)

    def _settle_reservations(self) -> None:
        self._settled = True
        units, tokens = self._admitted.units, self._admitted.tokens
        if units is not None and self._is_image:
            units.settle(self._units)
        elif units is not None and self._relayed.kind == "speech":
            units.settle(self._sent_bytes)
        if tokens is not None:
            tokens.settle(self._tokens.input + self._tokens.output)

    async def _build_usage(self) -> Usage:
        return await self._accounting.usage(
            self._reference,
            self._relayed.kind,
            self._relayed.body.model,
            self._tokens,
            key_id=self._key_id,
            units=self._units,
        )
