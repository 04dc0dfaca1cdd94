"""URLs of images and files in a request, which providers fetch. Fetches nothing itself.

A provider is often inside the operator's network, where a URL could make it read what clients must not reach: metadata
services, other servers, its own files.

One rule holds for all dialects and endpoints: a member that is named as a URL has a public one, and so has every other
string with a scheme that a client could fetch, unless the member is known to be text for the model.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from understudy.errors import UpstreamError
from understudy.llm import payload
from understudy.pacing import call_in_thread_if_large
from understudy.settings import is_public_url

_SCHEME: Final = re.compile(r"[\s\x00-\x20]*([a-zA-Z][a-zA-Z0-9+.-]*):")
_IGNORED_CHARACTERS: Final = re.compile(r"[\t\r\n]+")
# Providers fetch no URL in these.
_UNFETCHED_MEMBERS: Final = frozenset({"annotations", "citations", "text", "input", "tool_calls", "metadata"})
_FETCHED_MEMBERS: Final = ("messages", "mcp_servers")
# Members of chat completions, of legacy completions and of Anthropic's messages without URLs, or with their own checks.
_PLAIN_MEMBERS: Final = frozenset(
    {"model", "messages", "mcp_servers", "prompt", "suffix", "system", "input", "stream", "stream_options", "n", "stop"}
    | {"temperature", "top_p", "max_tokens", "max_completion_tokens", "presence_penalty", "frequency_penalty", "seed"}
    | {"tools", "tool_choice", "parallel_tool_calls", "functions", "function_call", "response_format", "metadata"}
    | {"user", "safety_identifier", "prompt_cache_key", "store", "logprobs", "top_logprobs", "logit_bias", "modalities"}
    | {"reasoning_effort", "service_tier", "verbosity", "prediction", "top_k", "thinking", "stop_sequences", "echo"}
    | {"best_of", "encoding_format", "dimensions", "query", "documents"}
)
# Texts of relayed requests.
_RELAYED_TEXTS: Final = frozenset(
    {"model", "prompt", "negative_prompt", "input", "text", "instructions", "user", "metadata", "language", "keywords"}
    | {"safety_identifier", "safety_identifiers"}
)
# Functions have schemas, in which URLs are names.
_CLIENT_TOOLS: Final = frozenset({"function", "custom", None})
_FETCHABLE: Final = re.compile(r"[a-z][a-z0-9+.-]*:(?://|\\\\)|(?:https?|ftps?|file|gopher|s3|gs):", re.IGNORECASE)
_PLAIN: Final = frozenset({"role", "content"})

_Check = tuple[Callable[[Any, str], None], Any, str]
"""A check, the value to check, and the value's path."""


async def check_urls(body: dict[str, Any]) -> None:
    """Raises UpstreamError(invalid_request) for a URL that is not public, in the body of a chat dialect."""
    if checks := list(_list_checks(body)):
        await call_in_thread_if_large([value for _, value, _ in checks], _run_checks, checks)


async def check_relayed(members: Mapping[str, Any]) -> None:
    """Raises UpstreamError(invalid_request) for a URL that is not public, in the members of a relayed request.

    Those of a form are lists of texts.
    """
    await call_in_thread_if_large(
        members, _run_checks, [(_check_member, value, name) for name, value in members.items()]
    )


def check_event(event: Mapping[str, Any]) -> None:
    """Raises UpstreamError(invalid_request) for a URL that is not public, in an event of a realtime session.

    Texts, outputs of functions and schemas of these are for the model: only members that are named as URLs count.
    """
    for name, value in event.items():
        _check_item(value, name)


def check_url(path: str, url: str) -> None:
    """Raises UpstreamError(invalid_request) if the URL at `path` is not public."""
    if not is_allowed(url):
        raise UpstreamError("invalid_request", refusal_message(path, url), param=path, code="invalid_value")


def is_allowed(url: str) -> bool:
    """Whether it is a public URL, a data URL or no URL."""
    # HTTP clients ignore tabs and line ends anywhere in a URL.
    scheme = _SCHEME.match(_IGNORED_CHARACTERS.sub("", url[:256]))
    return scheme is None or scheme[1].lower() == "data" or is_public_url(url.strip())


def refusal_message(path: str, url: str) -> str:
    return (
        f"Invalid '{path}': {url[:200]!r} is not a public http or https address. Send the bytes as a data URL, or use"
        " a public address; the operator of this server can allow others with `limits.private_urls`."
    )


def _list_checks(body: dict[str, Any]) -> Iterator[_Check]:
    """Lists the checks of values that may contain a URL in the body of a chat dialect: none for most bodies."""
    for name in body.keys() - _PLAIN_MEMBERS:
        yield _check_member, body[name], name
    for index, tool in enumerate(payload.items(body.get("tools"))):
        if isinstance(tool, dict) and tool.get("type") not in _CLIENT_TOOLS and "input_schema" not in tool:
            yield _check_item, tool, f"tools[{index}]"
    # Some models embed images; arrays of tokens are long.
    inputs = body.get("input")
    if isinstance(inputs, list) and any(isinstance(item, dict) for item in inputs):
        yield _check_member, inputs, "input"
    for member in _FETCHED_MEMBERS:
        for index, item in enumerate(payload.items(body.get(member))):
            if not _is_plain(item):
                yield _check_item, item, f"{member}[{index}]"


def _run_checks(checks: Sequence[_Check]) -> None:
    for check, value, path in checks:
        check(value, path)


def _is_plain(message: Any) -> bool:
    """Whether it is a message of text alone, like most messages."""
    return (
        isinstance(message, dict)
        and message.keys() == _PLAIN
        and isinstance(message["content"], str)
        and isinstance(message["role"], str)
    )


def _check_item(item: Any, path: str) -> None:
    for place, url in _find_urls(item, path):
        check_url(place, url)


def _find_urls(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            if isinstance(item, dict | list):
                yield from _find_urls(item, f"{path}[{index}]")
    elif isinstance(value, dict):
        for name, item in value.items():
            if isinstance(item, str):
                if _is_url_member(name):
                    yield f"{path}.{name}", item
            elif isinstance(item, dict | list) and name not in _UNFETCHED_MEMBERS:
                yield from _find_urls(item, f"{path}.{name}")


def _check_member(value: Any, name: str) -> None:
    for place, url in _find_fetchable(value, name, name):
        check_url(place, url)


def _find_fetchable(value: Any, name: str, path: str) -> Iterator[tuple[str, str]]:
    """What a provider may fetch, by its path. `name` is the member that has the value, or the list with it."""
    if isinstance(value, str):
        if _is_url_member(name) or (name not in _RELAYED_TEXTS and _is_fetchable(value)):
            yield path, value
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _find_fetchable(item, name, f"{path}[{index}]")
    elif isinstance(value, dict):
        for member, item in value.items():
            yield from _find_fetchable(item, member, f"{path}.{member}")


def _is_fetchable(text: str) -> bool:
    return _FETCHABLE.match(_IGNORED_CHARACTERS.sub("", text[:256]).lstrip()) is not None


def _is_url_member(name: str) -> bool:
    return name in {"url", "uri"} or name.endswith(("_url", "_uri", "Url", "Uri"))
