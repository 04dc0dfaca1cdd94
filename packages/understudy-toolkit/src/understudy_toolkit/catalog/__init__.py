"""The tools that agents are handed: which there are, what they take, and what a call of one comes to.

All of it is made from one table. Knows no server, no client and no transport; those stand above and use it.
"""

from understudy_toolkit.catalog.calls import Call, build_call
from understudy_toolkit.catalog.result import Result, failed_result, parse_result
from understudy_toolkit.catalog.search import UnknownTool, find, search, select, subset
from understudy_toolkit.catalog.table import AI_ML_API
from understudy_toolkit.catalog.tool import Parameter, Tool, ToolSet
from understudy_toolkit.catalog.validation import InvalidArguments

__all__ = [
    "AI_ML_API",
    "Call",
    "InvalidArguments",
    "Parameter",
    "Result",
    "Tool",
    "ToolSet",
    "UnknownTool",
    "build_call",
    "failed_result",
    "find",
    "parse_result",
    "search",
    "select",
    "subset",
]
