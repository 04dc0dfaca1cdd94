"""Bodies of requests for responses: parsed, with the rules of several members. Looks nothing up."""

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from understudy.settings import LimitSettings
from understudy.wire import error_texts
from understudy.wire.error_texts import Problem
from understudy.wire.parsing import InvalidBody, check_id, parse
from understudy.wire.response_rules import check_input, check_members, check_tools
from understudy.wire.responses import CreateResponseRequest, JsonSchemaFormat, ResponseContext
from understudy.wire.strict import check_strict_format


class _CompletionsBody(Struct):
    """What a body of the older API has, not looked into."""

    messages: Raw | UnsetType = UNSET


_decode_completions_body = msgspec.json.Decoder(_CompletionsBody).decode


def parse_request(body: bytes, limits: LimitSettings) -> CreateResponseRequest:
    """Raises InvalidBody."""
    if b'"messages"' in body:
        _reject_messages(body)
    params = parse(body, CreateResponseRequest, depth=limits.json_depth, values=limits.json_values)
    check_shape(params, has_prompt=params.prompt is not None)
    if params.model is None and params.prompt is None:
        raise InvalidBody(error_texts.missing("model"))
    if params.background and params.store is False:
        raise InvalidBody(
            Problem("Background mode requires 'store' to be true.", "background", "background_requires_store")
        )
    check_members(params)
    return params


def check_shape(params: ResponseContext, *, has_prompt: bool = False) -> None:
    """Raises InvalidBody or InvalidId for members that exclude or need each other, and for malformed ones."""
    if params.previous_response_id is not None and params.conversation is not None:
        raise InvalidBody(
            Problem(
                "Mutually exclusive parameters: ''. Ensure you are only providing one of: 'previous_response_id' or "
                "'conversation'.",
                None,
                "mutually_exclusive_parameters",
            )
        )
    continues = params.previous_response_id is not None or params.conversation is not None
    if params.input is None and not continues and not has_prompt:
        raise InvalidBody(
            Problem(
                "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation' must be provided.",
                None,
                "missing_required_parameter",
            )
        )
    check_input(params.input, alone=not continues and not has_prompt)
    if params.tools:
        check_tools(params.tools)
    if params.text is not None and isinstance(params.text.format, JsonSchemaFormat) and params.text.format.strict:
        check_strict_format(params.text.format.name, params.text.format.schema, "text.format.schema")
    if params.previous_response_id is not None:
        check_id("previous_response_id", params.previous_response_id, "resp")
    if params.conversation is not None:
        name = params.conversation if isinstance(params.conversation, str) else params.conversation.id
        check_id("conversation", name, "conv")


def _reject_messages(body: bytes) -> None:
    """Raises InvalidBody for the older API's member, as the hosted service does."""
    try:
        has_messages = _decode_completions_body(body).messages is not UNSET
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    if has_messages:
        raise InvalidBody(
            Problem(
                "Unsupported parameter: 'messages'. In the Responses API, this parameter has moved to 'input'.",
                "messages",
                "unsupported_parameter",
            )
        )
