"""The tools that agents are handed: which there are, what they take, and what a call of one comes to.

All of it is made from one table. Knows no server, no client and no transport; those stand above and use it.
"""

from understudy.catalogue.calls import Call, call_of
from understudy.catalogue.checking import InvalidArguments
from understudy.catalogue.finding import UnknownTool, find, search, select
from understudy.catalogue.results import Result, failed, result_of
from understudy.catalogue.table import AI_ML_API
from understudy.catalogue.tool import Parameter, Tool, ToolSet

__all__ = [
    "AI_ML_API",
    "Call",
    "InvalidArguments",
    "Parameter",
    "Result",
    "Tool",
    "ToolSet",
    "UnknownTool",
    "call_of",
    "failed",
    "find",
    "result_of",
    "search",
    "select",
]
