"""Writes the Python that a message asks for: code that it brings, sums, algebra, figures, files, tables. Runs nothing.

What the user says enters a program as a literal, or as an expression rebuilt from known tokens; only code that the user
gave as code stands there as it is.
"""

import ast
import re
from collections.abc import Callable

from understudy.llm.rehearsal import algebra, arithmetic, figures, formulas, recipes, tables, writing
from understudy.llm.rehearsal.script import Script

_FENCE = re.compile(r"```[ \t]*([A-Za-z0-9+#_-]{0,20})[^\n]{0,40}\n(.{1,60000}?)\n?[ \t]*```", re.DOTALL)
_SPAN = re.compile(r"`([^`\n]{1,1000})`")
_GIVEN = re.compile(
    r"\b(?:run|execute|evaluate|eval)\b[^:\n]{0,40}(?::[ \t]*\n?|\b(?:code|python|program|script)\s+)(.{1,4000})"
    r"|\b(?:run|execute|evaluate)\s+(.{1,4000})",
    re.IGNORECASE | re.DOTALL,
)
_RUN = re.compile(
    r"\b(?:run|runs|execute|evaluate|eval|python|code|interpreter|output|print|prints|test|try|result)\b", re.IGNORECASE
)
_EXECUTED = re.compile(r"\b(?:run|execute)\b", re.IGNORECASE)
_TALKED_ABOUT = re.compile(
    r"\b(?:explain|review|refactor|translate|document|improve|convert|what does|what's wrong|rewrite|fix|debug)\b",
    re.IGNORECASE,
)
_CODE = re.compile(r"[=(]|\bimport\b|\bdef\b|\bfor\b|\bprint\b|\*\*")
_PYTHON = frozenset({"", "python", "py", "python3", "ipython"})
_PRINTED = re.compile(
    r"\b(?:code|program|script|python)\b.{0,40}?\b(?:prints?|outputs?|says?|print|writes)\b(?: out)?"
    r"(?: the (?:text|words?|string|message|phrase))?:?\s+(?:\"([^\"\n]{1,500})\"|'([^'\n]{1,500})'"
    r"|\u201c([^\u201d]{1,500})\u201d|`([^`\n]{1,500})`|([^.\n]{1,200}))",
    re.IGNORECASE | re.DOTALL,
)
_WORKED_OUT = re.compile(
    r"\b(?:what(?:'s| is| are)|how much|calculate|compute|evaluate|solve|work out|result|value|run|code|python)\b"
    r"|=\s*\?*$",
    re.IGNORECASE,
)
_ASKED_TO_COMPUTE = re.compile(r"\b(?:calculate|compute|evaluate|work out|run|python|code)\b", re.IGNORECASE)
_LONGEST = 4_000

_IMPORTS = {
    "np": "import numpy as np",
    "pd": "import pandas as pd",
    "plt": "import matplotlib.pyplot as plt",
    **{name: f"import {name}" for name in (
        "math", "json", "os", "re", "sys", "csv", "random", "datetime", "statistics", "itertools", "collections",
        "functools", "time", "sympy", "numpy", "pandas", "matplotlib", "fractions", "decimal", "string",
    )},
}  # fmt: skip
_UNDEFINED = re.compile(r"NameError: name '(\w{1,40})' is not defined")


def write(text: str, *, searchable: bool = False) -> Script | None:
    """The program that `text` asks for, None where it asks for none that can be written here.

    With `searchable`, files that hold no data are left to a search.
    """
    if (code := given(text)) is not None:
        return Script(code)
    text = text[:_LONGEST]
    if "`" in text and _is_about_code(text):
        return None
    for writer in _WRITERS:
        if (written := writer(text)) is not None:
            return written
    return tables.examined(text, searchable=searchable)


def again(script: Script, fault: str) -> str | None:
    """What to try where the program failed: with an import that it lacks, or what is simpler."""
    match = _UNDEFINED.search(fault)
    if match and (line := _IMPORTS.get(match[1])) and line not in script.code:
        return f"{line}\n{script.code}"
    return script.simpler


def given(text: str) -> str | None:
    """Python that the message brings to be run."""
    if _is_about_code(text[:_LONGEST]):
        return None
    for match in _FENCE.finditer(text[:200_000]):
        if match[1].lower() in _PYTHON and (match[1] or _is_python(match[2])):
            return match[2].strip("\n")
    text = text[:_LONGEST]
    if not _RUN.search(text):
        return None
    said = [match[1] for match in _SPAN.finditer(text)] + [
        (match[1] or match[2]).strip() for match in _GIVEN.finditer(text)
    ]
    return next((code for code in said if _is_python(code)), None)


def _is_about_code(text: str) -> bool:
    """Whether the code in it is to be talked about, not to be run."""
    return bool(_TALKED_ABOUT.search(text)) and not _EXECUTED.search(text)


def _is_python(code: str) -> bool:
    if len(code) > _LONGEST or not _CODE.search(code):
        return False
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return any(
        isinstance(node, ast.Call | ast.Assign | ast.Import | ast.BinOp | ast.FunctionDef) for node in ast.walk(tree)
    )


def _printed(text: str) -> Script | None:
    """ "Write code that prints hello"."""
    match = _PRINTED.search(text)
    if match is None:
        return None
    quoted = next((group for group in match.groups()[:4] if group), None)
    said = quoted if quoted is not None else match[5].strip()
    return Script(f"print({said!r})") if quoted or len(said.split()) <= 4 else None


def _calculated(text: str) -> Script | None:
    """An expression to work out: with fractions exactly, with functions by `math`."""
    if found := arithmetic.find(text, asked=not _ASKED_TO_COMPUTE.search(text)):
        return Script(found.python)
    plain = arithmetic.strip_non_sums(text)
    for formula in formulas.find(plain) if _WORKED_OUT.search(text) or len(text) < 40 else ():
        if formula.calculates and not formula.variables and not formula.is_equation:
            imported = "import math\n\n" if "math." in formula.math() else ""
            return Script(f"{imported}print({formula.math()})")
    return None


_WRITERS: tuple[Callable[[str], Script | None], ...] = (
    figures.drawn,
    writing.made,
    algebra.treated,
    recipes.followed,
    _printed,
    tables.asked,
    _calculated,
)
