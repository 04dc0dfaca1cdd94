"""The endpoints that lines of a batch may name. A line gets the status and body of an ordinary request."""

from collections.abc import Awaitable, Callable
from functools import partial

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
from understudy.engine.jobs.batch_lines import MESSAGES, RESPONSES, Endpoint, EndpointResult
from understudy.errors import ApiError

CompleteHandler = Callable[[Parts, str, bytes], Awaitable[bytes]]
"""Maps a project and a request body to a response body; raises the errors of the ordinary request."""
KeyedHandler = Callable[[Parts, str, str, bytes], Awaitable[bytes]]
"""As CompleteHandler, with the id of the key that is charged, after the project."""


def batch_endpoints(parts: Parts) -> dict[str, Endpoint]:
    return {
        "/v1/chat/completions": partial(_call_handler, parts, _without_key(chat.complete_chat), _envelope),
        "/v1/completions": partial(_call_handler, parts, _without_key(completions.complete_text), _envelope),
        RESPONSES: partial(_call_handler, parts, responses.complete_response, _envelope),
        "/v1/embeddings": partial(_call_handler, parts, _without_key(embeddings.embed), _envelope),
        "/v1/moderations": partial(_call_handler, parts, moderations.moderate_line, _envelope),
        "/v1/images/generations": partial(_call_handler, parts, images.generate_line, _envelope),
        "/v1/images/edits": partial(_call_handler, parts, images.edit_line, _envelope),
        MESSAGES: partial(_call_handler, parts, _without_key(anthropic_messages.complete_message), message_envelope),
    }


def _without_key(complete: CompleteHandler) -> KeyedHandler:
    """For an endpoint whose results the batch charges."""

    async def complete_line(parts: Parts, project_id: str, _: str, body: bytes) -> bytes:
        return await complete(parts, project_id, body)

    return complete_line


async def _call_handler(
    parts: Parts,
    complete: KeyedHandler,
    render_error: Callable[[ApiError, str], bytes],
    project_id: str,
    key_id: str,
    body: bytes,
) -> EndpointResult:
    try:
        await parts.admission.check_funds(project_id, key_id)
        imported = parts.store.qualified_ids
        if await imported.has_imports(project_id):
            body = await qualified_ids.qualify_body(imported, project_id, body)
        status, result = 200, await complete(parts, project_id, key_id, body)
    except Exception as error:  # noqa: BLE001 - an error is the result of its line
        request_id = ids.request()
        refusal = to_api_error(error, request_id)
        status, result = refusal.status, render_error(refusal, request_id)
    return status, qualified_ids.strip_ids(project_id, result)


def _envelope(error: ApiError, _: str) -> bytes:
    return envelope(error)
