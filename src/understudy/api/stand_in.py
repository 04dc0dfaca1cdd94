"""The header of responses that the embedded model generates under a hosted model's name.

A program on trial must not mistake them for the hosted model's. The handler, which knows the model, marks the request;
the middleware writes the header.
"""

from typing import Any, Final

import msgspec
from starlette.requests import Request

from understudy.api.parts import parts_of

STAND_IN_HEADER: Final = (b"x-understudy-stand-in", b"rehearsal")
_STATE_ATTRIBUTE: Final = "is_stand_in"


class _HasModel(msgspec.Struct):
    model: str = ""


_decode: Final = msgspec.json.Decoder(_HasModel).decode


def mark_response(request: Request, model: str) -> None:
    """Marks the response if the embedded model stands in for `model`."""
    models = parts_of(request).models
    if models.has_stand_ins and models.is_stand_in(model):
        setattr(request.state, _STATE_ATTRIBUTE, True)


def mark_stored_response(request: Request, body: bytes | str) -> None:
    """The same for a stored run or response, whose JSON names the model."""
    if parts_of(request).models.has_stand_ins:
        mark_response(request, _decode(body).model)


def is_marked(state: dict[str, Any]) -> bool:
    return _STATE_ATTRIBUTE in state
