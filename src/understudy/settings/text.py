"""Texts in settings: their bounds."""

from typing import Annotated

from msgspec import Meta

Text = Annotated[str, Meta(min_length=1)]
ClientKey = Annotated[str, Meta(min_length=16)]
