"""The tools for agents under the name of the server's package; `understudy_toolkit` has them."""

from understudy_toolkit import AsyncToolkit, Parameter, Result, Tool, Toolkit

__all__ = ["AsyncToolkit", "Parameter", "Result", "Tool", "Toolkit"]
