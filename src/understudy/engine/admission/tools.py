"""Checks of the tools of a request: remote MCP servers, the code interpreter and vector stores. Connects to none."""

import re
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from understudy.clock import Clock
from understudy.engine.limits.permissions import PermissionChecks
from understudy.engine.tools.interpreter import Interpreter
from understudy.errors import InvalidRequest
from understudy.store import Store
from understudy.tools.mcp import RemoteServers
from understudy.wire.parsing import check_id
from understudy.wire.response_tools import type_of
from understudy.wire.tools import AssistantTool, AssistantToolsMcp

_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")
_HEADER_VALUE: Final = re.compile(r"[\t\x20-\x7e]{0,8192}")
# The HTTP client sets the headers of framing and routing.
_RESERVED_HEADERS: Final = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer"}
)


class ToolChecks:
    def __init__(
        self,
        store: Store,
        interpreter: Interpreter,
        remote_servers: RemoteServers,
        clock: Clock,
        permissions: PermissionChecks,
    ) -> None:
        self._stores = store.vector_stores
        self._interpreter = interpreter
        self._remote_servers = remote_servers
        self._clock = clock
        self._permissions = permissions

    def check_remote_servers(self, tools: Sequence[AssistantTool | None], *, headers: bool = False) -> None:
        """Skips None, which stands for a tool of another API.

        Raises InvalidRequest for a server that is not allowed, a duplicate label, and invalid headers. Without
        `headers`, refuses all headers: a stored tool is visible to every reader of the object.
        """
        labels: set[str] = set()
        for index, tool in enumerate(tools):
            if not isinstance(tool, AssistantToolsMcp):
                continue
            path = f"tools[{index}]"
            if not self._remote_servers.is_allowed(tool.server_url):
                raise InvalidRequest(
                    f"The MCP server {tool.server_url!r} is not allowed on this server. Its operator allows servers"
                    " with `mcp.allowed`.",
                    param=f"{path}.server_url",
                    code="unsupported_value",
                )
            if tool.server_label in labels:
                message = (
                    f"Invalid '{path}.server_label': {tool.server_label!r} is already the label of another server."
                )
                raise InvalidRequest(message, param=f"{path}.server_label", code="invalid_value")
            labels.add(tool.server_label)
            if tool.headers and not headers:
                message = "Headers are not stored with an assistant. Leave them out here, and send them with each run."
                raise InvalidRequest(message, param=f"{path}.headers", code="unsupported_parameter")
            _check_headers(tool.headers or {}, f"{path}.headers")

    async def check_permitted(self, project_id: str, tools: Sequence[Struct]) -> None:
        """Raises InvalidRequest for the first tool that is disabled for the project."""
        kinds = ((str(type_of(tool)), f"tools[{index}]") for index, tool in enumerate(tools))
        await self._permissions.check_tools(project_id, kinds)

    async def check_code_interpreter(self, path: str) -> None:
        """Raises InvalidRequest if this server cannot run code; `path` is the parameter of the tool."""
        if fault := await self._interpreter.check():
            raise InvalidRequest(
                f"The tool 'code_interpreter' is not available on this server. {fault}",
                param=path,
                code="unsupported_tool",
            )

    async def check_container(self, project_id: str, container_id: str, param: str) -> None:
        """Records a use of the container. Raises InvalidId, NotFound, and InvalidRequest for an expired one."""
        check_id(param, container_id, "cntr")
        await self._interpreter.resolve_container(project_id, container_id)

    async def check_vector_stores(self, project_id: str, store_ids: Sequence[str]) -> None:
        """Raises NotFound for the first vector store that the project does not have, VectorStoreExpired."""
        if store_ids:
            await self._stores.check_usable(project_id, store_ids, int(self._clock.now()))


def _check_headers(headers: dict[str, str], path: str) -> None:
    """Values may be secrets, so no error text quotes them."""
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or name.lower() in _RESERVED_HEADERS:
            raise InvalidRequest(f"Invalid '{path}': {name!r} cannot be sent.", param=path, code="invalid_value")
        if not _HEADER_VALUE.fullmatch(value):
            message = f"Invalid '{path}': the value of {name!r} has to be printable ASCII of at most 8192 characters."
            raise InvalidRequest(message, param=path, code="invalid_value")
