"""The image tool of a model: its function, the request to a provider of images, and its result. Pure; calls nothing.

Sources: the Responses API's tool and item, and the hosted API's operations createImage and createImageEdit.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from understudy.tools.functions import decode_arguments, define_function
from understudy.wire.items import ImageGenerationCallItem

GENERATIONS: Final = "images/generations"
EDITS: Final = "images/edits"
NAME: Final = "image_generation"
_IMAGE_TYPE: Final = re.compile(r"image/[a-z0-9.+-]{1,40}")
_MAX_PROMPT: Final = 32_000
_MADE: Final = "The image is made, and the user sees it."
# Members of a response, and of the last event of a stream, that items have as well.
_SHOWN_MEMBERS: Final = ("background", "output_format", "quality", "size")


@dataclass(frozen=True, slots=True)
class Arguments:
    """`edits`: the newest image of the conversation is changed."""

    prompt: str
    edits: bool


@dataclass(frozen=True, slots=True)
class MadeImage:
    """The image of an earlier call; `data` is its base64, None where it is stored apart from the item."""

    item_id: str
    kind: str
    data: str | None


@dataclass(frozen=True, slots=True)
class Picture:
    """An image as a provider returned it, or a partial one: `data` is base64; `members` are those that items have.

    `usage` is that of the provider, in tokens.
    """

    data: str
    members: Mapping[str, str]
    usage: Mapping[str, Any]


def definition(name: str, *, may_edit: bool) -> dict[str, Any]:
    """The function; `may_edit`: the model may have an earlier image changed."""
    properties: dict[str, Any] = {
        "prompt": {"type": "string", "description": "What the image shows, in detail, or what to change in it."}
    }
    description = "Makes an image, which the user sees."
    if may_edit:
        description = "Makes an image, or changes the newest image of the conversation; the user sees the result."
        properties["edit"] = {
            "type": "boolean",
            "description": "Whether to change the newest image of the conversation instead of making another one.",
        }
    return define_function(name, description, properties)


def parse_arguments(arguments: str, action: str) -> Arguments:
    """`action` is the tool's: `generate`, `edit`, or `auto` for what the model decides."""
    members = decode_arguments(arguments)
    prompt = members.get("prompt")
    edits = action == "edit" or (action == "auto" and members.get("edit") is True)
    return Arguments(prompt.strip()[:_MAX_PROMPT] if isinstance(prompt, str) else "", edits)


def split_data_url(url: str) -> tuple[str, str] | None:
    """The media type and the base64 of a data URL; None for another URL."""
    head, _, encoded = url.partition(",")
    if not head.startswith("data:") or not head.endswith(";base64"):
        return None
    kind = head[5:].partition(";")[0]
    # It becomes a header of a form.
    return kind if _IMAGE_TYPE.fullmatch(kind) else "image/png", encoded


def parse_picture(value: Any) -> Picture | None:
    """The image of a response, or of an event of a stream; None without its bytes."""
    if not isinstance(value, dict):
        return None
    listed = value.get("data")
    first: Mapping[str, Any] = value
    if isinstance(listed, Sequence) and listed and isinstance(listed[0], dict):
        first = listed[0]
    data = first.get("b64_json")
    if not isinstance(data, str) or not data:
        return None
    members = {name: one for name in _SHOWN_MEMBERS if isinstance(one := value.get(name), str)}
    revised = first.get("revised_prompt")
    if isinstance(revised, str):
        members["revised_prompt"] = revised
    usage = value.get("usage")
    return Picture(data, members, usage if isinstance(usage, dict) else {})


def render_output(item: ImageGenerationCallItem) -> str:
    """The tool result for the model."""
    if item.error is not None:
        return f"Error: {item.error}"
    revised = item.members.get("revised_prompt")
    return f"{_MADE} It was made of this prompt: {revised}" if revised else _MADE
