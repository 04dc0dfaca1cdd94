"""Converts `text.format` of a response to `response_format` of a chat completions request. Pure."""

import msgspec

from understudy.wire.responses import JsonObjectFormat, JsonSchemaFormat, TextFormat
from understudy.wire.tools import (
    AssistantsApiResponseFormatOption,
    ResponseFormatJsonObject,
    ResponseFormatJsonSchema,
    ResponseFormatJsonSchemaSpec,
)


def chat_format(text: TextFormat | JsonObjectFormat | JsonSchemaFormat | None) -> AssistantsApiResponseFormatOption:
    match text:
        case JsonObjectFormat():
            return ResponseFormatJsonObject()
        case JsonSchemaFormat(description=description, name=name, schema=schema, strict=strict):
            described = description if description is not None else msgspec.UNSET
            return ResponseFormatJsonSchema(ResponseFormatJsonSchemaSpec(name, described, schema, strict))
        case _:
            return "auto"
