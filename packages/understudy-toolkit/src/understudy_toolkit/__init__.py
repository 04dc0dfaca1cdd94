"""The tools for agents, as a Python package: list them, hand them to a model, execute what it calls.

toolkit = Toolkit("http://127.0.0.1:8642/v1", "sk-…")
toolkit.execute("AI_ML_API_CREATE_THREAD", {"metadata": {"topic": "bread"}})["data"]["id"]

Works against this server, and against AI/ML API itself. Imports nothing of the server.
"""

import importlib
from typing import TYPE_CHECKING, Any

from understudy_toolkit.catalog import Parameter, Result, Tool

if TYPE_CHECKING:
    from understudy_toolkit.client import AsyncToolkit, Toolkit

__all__ = ["AsyncToolkit", "Parameter", "Result", "Tool", "Toolkit", "__version__"]

__version__ = "0.2.0"


def __getattr__(name: str) -> Any:
    """The client is imported where it is used: its HTTP library takes a tenth of a second and 10 MB."""
    if name in {"AsyncToolkit", "Toolkit"}:
        return getattr(importlib.import_module("understudy_toolkit.client"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
