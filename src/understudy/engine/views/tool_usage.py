"""What a response's hosted tools have used: searches, and the tokens of images. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from understudy.wire.response_items import OutputItem, WebSearchCall
from understudy.wire.responses import ImageTokensDetails, ImageUsage, ResponseObject, SearchUsage, ToolUsage


def count_searches(usage: ToolUsage, output: Sequence[OutputItem]) -> ToolUsage:
    """The usage with the number of queries in the output."""
    searches = [item for item in output if isinstance(item, WebSearchCall) and item.status == "completed"]
    queries = sum([len(item.action.get("queries", ())) for item in searches]) if searches else 0
    return msgspec.structs.replace(usage, web_search=SearchUsage(queries)) if queries else usage


def add_image_usage(response: ResponseObject, usage: Mapping[str, Any]) -> ResponseObject:
    """The response with the usage of one more image, as its provider returned it: of any form."""
    if not usage:
        return response
    before = response.tool_usage.image_gen
    added = ImageUsage(
        before.input_tokens + _count(usage, "input_tokens"),
        _add_details(before.input_tokens_details, usage.get("input_tokens_details")),
        before.output_tokens + _count(usage, "output_tokens"),
        _add_details(before.output_tokens_details, usage.get("output_tokens_details")),
        before.total_tokens + _count(usage, "total_tokens"),
    )
    return msgspec.structs.replace(response, tool_usage=msgspec.structs.replace(response.tool_usage, image_gen=added))


def _add_details(before: ImageTokensDetails, details: Any) -> ImageTokensDetails:
    if not isinstance(details, dict):
        return before
    return ImageTokensDetails(
        before.image_tokens + _count(details, "image_tokens"), before.text_tokens + _count(details, "text_tokens")
    )


def _count(usage: Mapping[str, Any], name: str) -> int:
    value = usage.get(name)
    return value if isinstance(value, int) and value > 0 else 0
