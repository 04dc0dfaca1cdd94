"""The endpoints that lines of a batch may name. A line gets the status and body of an ordinary request."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import msgspec

from understudy import ids
from understudy.api import (
    anthropic_messages,
    chat,
    completions,
    embeddings,
    images,
    moderations,
    qualified_ids,
    responses,
)
from understudy.api.errors import envelope, message_envelope, to_api_error
from understudy.api.parts import Parts
from understudy.api.relayed_limits import estimate_work
from understudy.api.requests import decode_body
from understudy.engine.accounting import Work
from understudy.engine.jobs.batch_lines import LINE_KINDS, MESSAGES, RESPONSES, Endpoint, EndpointResult
from understudy.engine.limits.demand import measure_request
from understudy.engine.spending_holds import Hold, released_on_error
from understudy.errors import ApiError
from understudy.llm.relay import JsonBody
from understudy.store.charges import Kind

CompleteHandler = Callable[[Parts, str, bytes], Awaitable[bytes]]
"""Maps a project and a request body to a response body; raises the errors of the ordinary request."""
KeyedHandler = Callable[[Parts, str, str, bytes], Awaitable[bytes]]
"""As CompleteHandler, with the id of the key that is charged, after the project."""


def batch_endpoints(parts: Parts) -> dict[str, Endpoint]:
    handlers: dict[str, KeyedHandler] = {
        "/v1/chat/completions": _without_key(chat.complete_chat),
        "/v1/completions": _without_key(completions.complete_text),
        RESPONSES: responses.complete_response,
        "/v1/embeddings": _without_key(embeddings.embed),
        "/v1/moderations": moderations.moderate_line,
        "/v1/images/generations": images.generate_line,
        "/v1/images/edits": images.edit_line,
        MESSAGES: _without_key(anthropic_messages.complete_message),
    }
    return {path: partial(_call_handler, parts, path, handler) for path, handler in handlers.items()}


def _without_key(complete: CompleteHandler) -> KeyedHandler:
    """For an endpoint whose results the batch charges."""

    async def complete_line(parts: Parts, project_id: str, _: str, body: bytes) -> bytes:
        return await complete(parts, project_id, body)

    return complete_line


async def _call_handler(
    parts: Parts,
    path: str,
    complete: KeyedHandler,
    project_id: str,
    key_id: str,
    body: bytes,
) -> EndpointResult:
    hold: Hold | None = None
    retry_after, code = 0.0, ""
    try:
        await parts.admission.check_funds(project_id, key_id)
        if path != RESPONSES and not parts.accounting.is_unlimited(project_id, key_id):
            work = await decode_body(body, _estimate_work, path, body)
            hold = await parts.accounting.hold(project_id, key_id, work)
        with released_on_error(hold):
            imported = parts.store.qualified_ids
            if await imported.has_imports(project_id):
                body = await qualified_ids.qualify_body(imported, project_id, body)
            status, result = 200, await complete(parts, project_id, key_id, body)
    except Exception as error:  # noqa: BLE001 - an error is the result of its line
        request_id = ids.request()
        refusal = to_api_error(error, request_id)
        status = refusal.status
        result = message_envelope(refusal, request_id) if path == MESSAGES else envelope(refusal)
        retry_after, code = _read_retry_after(refusal), refusal.code or ""
    return EndpointResult(status, qualified_ids.strip_ids(project_id, result), retry_after, code, hold)


def _estimate_work(path: str, body: bytes) -> Work:
    """What a line will use, without the checks of its endpoint, which come later. Measured here: it may be long."""
    kind = LINE_KINDS.get(path, "completion")
    try:
        members = msgspec.json.decode(body, type=dict[str, Any])
        work = _new_work(path, kind, body, members)
        demand = None if work.measure is None else work.measure()
    except (msgspec.MsgspecError, RecursionError):
        return Work("", kind)
    return msgspec.structs.replace(work, measure=None if demand is None else lambda: demand, batch=True)


def _new_work(path: str, kind: Kind, body: bytes, members: dict[str, Any]) -> Work:
    model = str(members.get("model") or "")
    if kind != "completion":
        return estimate_work(kind, JsonBody({**members, "model": model}))
    measure = completions.measure if path == "/v1/completions" else measure_request
    return Work(model, measure=partial(measure, body, members))


def _read_retry_after(error: ApiError) -> float:
    """Seconds; 0 without any."""
    seconds = error.headers.get("retry-after", "")
    return float(seconds) if seconds.isdecimal() else 0.0
