"""Rows of responses, read and written by the transactions of their runs."""

import msgspec

from understudy.store.database import Transaction
from understudy.store.item_images import list_items
from understudy.store.sql import compose_sql
from understudy.wire.response_items import ImageGenerationCall, encode_items
from understudy.wire.responses import TERMINAL_STATUSES, ResponseObject

SELECT_STORED = (
    "SELECT thread_id, last_seq, input_seq, body FROM responses"
    " WHERE id = $1 AND project_id = $2 AND kept = 1 AND body IS NOT NULL"
)
SELECT_UNSTORED = (
    "SELECT thread_id, last_seq, input_seq, body FROM responses"
    " WHERE id = $1 AND project_id = $2 AND kept = 0 AND body IS NOT NULL"
)
_decode = msgspec.json.Decoder(ResponseObject).decode
_LAST_ITEM_SEQ = (
    "(SELECT coalesce(max(seq), 0) FROM items WHERE items.thread_id = responses.thread_id AND items.body IS NOT NULL)"
)

_UPDATE_RESPONSE = "UPDATE responses SET body = $2 WHERE id = $1 AND body IS NOT NULL"
_END_RESPONSE = compose_sql(
    "UPDATE responses SET body = $2, last_seq =", _LAST_ITEM_SEQ, "WHERE id = $1 AND body IS NOT NULL"
)


def load_response(response_id: str) -> Transaction[ResponseObject | None]:
    rows = yield "SELECT body FROM responses WHERE id = $1 AND body IS NOT NULL", (response_id,)
    return _decode(rows[0][0]) if rows else None


def write_response(response: ResponseObject, body: str) -> Transaction[None]:
    """Stores the response without its images; one that has ended also records the last item of its context.

    `body` is its JSON.
    """
    images = [one for one in response.output if isinstance(one, ImageGenerationCall) and one.result]
    if images:
        body = encode_items((yield from _omit_images(response))).decode()
    yield _END_RESPONSE if response.status in TERMINAL_STATUSES else _UPDATE_RESPONSE, (response.id, body)


def _omit_images(response: ResponseObject) -> Transaction[ResponseObject]:
    """The response without the bytes of those images that are blobs."""
    stored = yield from list_items(response.id)
    output = [
        msgspec.structs.replace(one, result=None) if isinstance(one, ImageGenerationCall) and one.id in stored else one
        for one in response.output
    ]
    return msgspec.structs.replace(response, output=output)
