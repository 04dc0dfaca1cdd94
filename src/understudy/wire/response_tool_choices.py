"""Tool choices of requests for responses. Source: the Responses API, schema ToolChoiceParam."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType


class ChosenFunction(Struct, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="function"):
    name: str
    namespace: str | UnsetType | None = UNSET


class ChosenCustom(Struct, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="custom"):
    name: str
    namespace: str | UnsetType | None = UNSET


class ChosenFileSearch(Struct, forbid_unknown_fields=True, tag_field="type", tag="file_search"):
    pass


class ChosenCodeInterpreter(Struct, forbid_unknown_fields=True, tag_field="type", tag="code_interpreter"):
    pass


class ChosenMcp(Struct, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="mcp"):
    server_label: str
    name: str | UnsetType | None = UNSET


class ChosenApplyPatch(Struct, forbid_unknown_fields=True, tag_field="type", tag="apply_patch"):
    pass


class ChosenShell(Struct, forbid_unknown_fields=True, tag_field="type", tag="shell"):
    pass


class ChosenLocalShell(Struct, forbid_unknown_fields=True, tag_field="type", tag="local_shell"):
    pass


class ChosenToolSearch(Struct, forbid_unknown_fields=True, tag_field="type", tag="tool_search"):
    pass


class ChosenComputer(Struct, forbid_unknown_fields=True, tag_field="type", tag="computer"):
    pass


class ChosenComputerUse(Struct, forbid_unknown_fields=True, tag_field="type", tag="computer_use"):
    pass


class ChosenComputerUsePreview(Struct, forbid_unknown_fields=True, tag_field="type", tag="computer_use_preview"):
    pass


class ChosenWebSearch(Struct, forbid_unknown_fields=True, tag_field="type", tag="web_search"):
    pass


class ChosenWebSearch2025(Struct, forbid_unknown_fields=True, tag_field="type", tag="web_search_2025_08_26"):
    pass


class ChosenWebSearchPreview(Struct, forbid_unknown_fields=True, tag_field="type", tag="web_search_preview"):
    pass


class ChosenWebSearchPreview2025(
    Struct, forbid_unknown_fields=True, tag_field="type", tag="web_search_preview_2025_03_11"
):
    pass


class ChosenImageGeneration(Struct, forbid_unknown_fields=True, tag_field="type", tag="image_generation"):
    pass


class ChosenProgrammatic(Struct, forbid_unknown_fields=True, tag_field="type", tag="programmatic_tool_calling"):
    pass


class AllowedTools(Struct, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="allowed_tools"):
    mode: Literal["auto", "required"]
    tools: Annotated[list[dict[str, Any]], Meta(min_length=1, max_length=128)]


ToolChoice = (
    Literal["none", "auto", "required"]
    | ChosenFunction
    | ChosenCustom
    | ChosenFileSearch
    | ChosenCodeInterpreter
    | ChosenMcp
    | ChosenApplyPatch
    | ChosenShell
    | ChosenLocalShell
    | ChosenToolSearch
    | ChosenComputer
    | ChosenComputerUse
    | ChosenComputerUsePreview
    | ChosenWebSearch
    | ChosenWebSearch2025
    | ChosenWebSearchPreview
    | ChosenWebSearchPreview2025
    | ChosenImageGeneration
    | ChosenProgrammatic
    | AllowedTools
)
