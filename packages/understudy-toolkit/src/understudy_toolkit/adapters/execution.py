"""Executes a tool for a framework, which passes arguments as JSON or as a dict, and takes a text."""

import asyncio
import json
from typing import Any

from understudy_toolkit.catalog import Result, failed_result
from understudy_toolkit.client import AsyncToolkit, Toolkit

AnyToolkit = Toolkit | AsyncToolkit


def parse_arguments(encoded: str) -> dict[str, Any] | None:
    """None for anything but a JSON object; an empty text is an object without members."""
    try:
        arguments = json.loads(encoded or "{}")
    except ValueError:
        return None
    return arguments if isinstance(arguments, dict) else None


async def execute(toolkit: AnyToolkit, slug: str, arguments: dict[str, Any] | None) -> Result:
    """The result of the call. Never raises."""
    if arguments is None:
        return failed_result(f"The arguments of {slug} must be a JSON object.")
    if isinstance(toolkit, AsyncToolkit):
        return await toolkit.execute(slug, arguments)
    return await asyncio.to_thread(toolkit.execute, slug, arguments)


def encode_result(result: Result) -> str:
    return json.dumps(result, ensure_ascii=False)
