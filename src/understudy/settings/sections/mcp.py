"""The table `[mcp]`."""

from typing import Annotated

from msgspec import Meta, Struct

from understudy.settings.text import Text


class McpSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Remote MCP servers as tools of runs, and this server's own tools at `/mcp`."""

    allowed: Annotated[
        tuple[Text, ...],
        Meta(
            description="Allowed URLs and everything below them; `*` is every `https://` URL without a private address."
        ),
    ] = ()
    timeout: Annotated[
        float,
        Meta(gt=0, description="Timeout of a listing or a call in seconds, with its connection."),
    ] = 60.0
    tools: Annotated[
        int,
        Meta(ge=1, le=1000, description="Maximum number of tools of one server."),
    ] = 128
    output_bytes: Annotated[
        int,
        Meta(ge=1024, description="Maximum text of a result in bytes; the rest is cut off."),
    ] = 256 * 1024
    served_tools: Annotated[
        tuple[Text, ...],
        Meta(
            description="Tools that `/mcp` offers: slugs, also without `AI_ML_API_`, and tags like `readOnlyHint` and"
            " `important`; when unset, all. A client can request fewer: `/mcp?tools=important`."
        ),
    ] = ()
    origins: Annotated[
        tuple[Text, ...],
        Meta(
            description="Origins of web pages that may use `/mcp`, like `https://agents.example`, in addition to"
            " this machine's."
        ),
    ] = ()
