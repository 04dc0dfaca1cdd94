"""The Python of a code interpreter call: code of the message, one arithmetic expression, or a plot of a named file.

Text of the user enters a program as a literal only, except for code that the user wrote as code. Runs nothing.
"""

import ast
import re

from understudy.llm.rehearsal import arithmetic

_FENCE = re.compile(r"```[ \t]*(?:python3?|py)?[ \t]*\n(.{1,60000}?)\n?[ \t]*```", re.DOTALL | re.IGNORECASE)
_SPAN = re.compile(r"`([^`\n]{1,1000})`")
_RUN = re.compile(r"\b(?:run|execute|evaluate|eval|python|code|output|print|test)\b", re.IGNORECASE)
_DISCUSSED = re.compile(
    r"\b(?:explain|review|refactor|translate|document|improve|what does|rewrite|fix|debug)\b", re.IGNORECASE
)
_COMPUTE = re.compile(r"\b(?:calculate|compute|evaluate|work out|run|python|code)\b", re.IGNORECASE)
_PLOT = re.compile(r"\b(?:plot|draw|graph|chart|visuali[sz]e|histogram)\b", re.IGNORECASE)
_FILENAME = re.compile(r"(?<![\w/])[\w][\w.-]{0,80}\.(?:csv|tsv|xlsx?)\b|\bfile-[A-Za-z0-9]{6,40}\b", re.IGNORECASE)
_MAX_TEXT = 200_000

_PLOT_PROGRAM = """import os
import matplotlib.pyplot as plt
import pandas as pd

path = os.path.join('/mnt/data', {name!r})
is_workbook = path.endswith(('.xls', '.xlsx'))
table = pd.read_excel(path) if is_workbook else pd.read_csv(path, sep=None, engine='python')
table.select_dtypes('number').plot(ax=plt.figure(figsize=(8, 5)).gca())
plt.title({name!r})
plt.xlabel('row')
plt.ylabel('value')
plt.show()"""


def find_program(text: str) -> str | None:
    """The program that the message needs, None where it needs none that can be built here."""
    text = text[:_MAX_TEXT]
    if _DISCUSSED.search(text):
        return None
    if match := _FENCE.search(text):
        return match[1].strip("\n")
    spans = (match[1] for match in _SPAN.finditer(text)) if _RUN.search(text) else ()
    if (code := next(filter(_is_python, spans), None)) is not None:
        return code
    if _PLOT.search(text) and (match := _FILENAME.search(text)):
        return _PLOT_PROGRAM.format(name=match[0])
    calculation = arithmetic.find_calculation(text, needs_cue=not _COMPUTE.search(text))
    return f"print({calculation.expression})" if calculation else None


def _is_python(code: str) -> bool:
    """Whether the code span does something: a word in backticks is Python too."""
    try:
        body = ast.parse(code).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return any(not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Name | ast.Constant)) for node in body)
