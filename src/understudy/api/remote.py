"""Remote MCP servers among the tools of a request: what can be refused before any of them is asked."""

import re
from collections.abc import Sequence
from typing import Final

from understudy.api.parts import Parts
from understudy.errors import InvalidRequest
from understudy.wire.tools import AssistantTool, AssistantToolsMcp

_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")
_HEADER_VALUE: Final = re.compile(r"[\t\x20-\x7e]{0,8192}")
# They say where a message ends and whom it is for, which is the connection's business.
_RESERVED_HEADERS: Final = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer"}
)


def check_mcp_tools(parts: Parts, tools: Sequence[AssistantTool | None], *, headers: bool = False) -> None:
    """None is a tool of another API's, which has a place and nothing to check.

    Raises InvalidRequest for a server that is not allowed, or named twice, and for headers that cannot be sent.

    Without `headers` there must be none: what is kept for good is shown to everybody who can read it.
    """
    labels: set[str] = set()
    for index, tool in enumerate(tools):
        if not isinstance(tool, AssistantToolsMcp):
            continue
        here = f"tools[{index}]"
        if not parts.remote_servers.is_allowed(tool.server_url):
            raise InvalidRequest(
                f"The MCP server {tool.server_url!r} is not allowed on this server. Its operator allows servers with"
                " `mcp.allowed`.",
                param=f"{here}.server_url",
                code="unsupported_value",
            )
        if tool.server_label in labels:
            said = f"Invalid '{here}.server_label': {tool.server_label!r} is the label of another server already."
            raise InvalidRequest(said, param=f"{here}.server_label", code="invalid_value")
        labels.add(tool.server_label)
        if tool.headers and not headers:
            said = "Headers are not kept with an assistant. Leave them out here, and give them with each run."
            raise InvalidRequest(said, param=f"{here}.headers", code="unsupported_parameter")
        _check_headers(tool.headers or {}, f"{here}.headers")


def _check_headers(headers: dict[str, str], here: str) -> None:
    """The values may be secrets, so no text repeats them."""
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or name.lower() in _RESERVED_HEADERS:
            raise InvalidRequest(f"Invalid '{here}': {name!r} cannot be sent.", param=here, code="invalid_value")
        if not _HEADER_VALUE.fullmatch(value):
            said = f"Invalid '{here}': the value of {name!r} has to be printable ASCII of at most 8192 characters."
            raise InvalidRequest(said, param=here, code="invalid_value")
