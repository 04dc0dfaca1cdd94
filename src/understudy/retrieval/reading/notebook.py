"""Jupyter notebooks: cells in their order, with the text of their outputs. Source: nbformat 4, and the sheets of 3."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from understudy.retrieval.reading import plain
from understudy.retrieval.reading.html import to_markdown
from understudy.retrieval.reading.source import Source
from understudy.retrieval.reading.unreadable import UnreadableError

_TEXT_MEDIA_TYPES: Final = ("text/markdown", "text/plain", "text/latex", "text/html", "application/json")
_LEGACY_TEXT_KEYS: Final = {"text": "text/plain", "html": "text/html", "latex": "text/latex"}


def read_ipynb(source: Source) -> Iterator[str]:
    text = "".join(plain.read_text(source))
    try:
        notebook = json.loads(text)
    except (ValueError, RecursionError):
        source.warn("The notebook is damaged, and was read as plain text.")
        yield text
        return
    if not isinstance(notebook, dict) or not isinstance(cells := _iter_cells(notebook), list):
        raise UnreadableError("invalid_file", "The file is not a Jupyter notebook, despite its name.")
    language = _kernel_language(notebook)
    for cell in cells:
        if isinstance(cell, dict):
            yield from _read_cell(cell, language)


def _iter_cells(notebook: Mapping[str, Any]) -> object:
    if "cells" in notebook:
        return notebook["cells"]
    sheets = notebook.get("worksheets")
    if not isinstance(sheets, list):
        return None
    return [cell for sheet in sheets if isinstance(sheet, dict) for cell in _as_list(sheet.get("cells"))]


def _kernel_language(notebook: Mapping[str, Any]) -> str:
    metadata = notebook.get("metadata")
    spec = metadata.get("kernelspec") if isinstance(metadata, dict) else None
    language = spec.get("language") if isinstance(spec, dict) else None
    return language if isinstance(language, str) else "python"


def _read_cell(cell: Mapping[str, Any], language: str) -> Iterator[str]:
    text = _join_lines(cell.get("source", cell.get("input")))
    if cell.get("cell_type") != "code":
        yield f"{text}\n\n" if text.strip() else ""
        return
    if text.strip():
        yield f"```{language}\n{text}\n```\n\n"
    for output in _as_list(cell.get("outputs")):
        if isinstance(output, dict) and (text := _read_output(output).strip()):
            yield f"Output:\n\n{text}\n\n"


def _read_output(output: Mapping[str, Any]) -> str:
    """The text of a stream, an error, or the most readable representation of a result; empty for a picture."""
    if output.get("output_type") in {"error", "pyerr"}:
        return f"{_join_lines(output.get('ename'))}: {_join_lines(output.get('evalue'))}"
    if output.get("output_type") == "stream":
        return _join_lines(output.get("text"))
    data = output.get("data")
    if not isinstance(data, dict):
        data = {_LEGACY_TEXT_KEYS[key]: value for key, value in output.items() if key in _LEGACY_TEXT_KEYS}
    for kind in _TEXT_MEDIA_TYPES:
        if kind in data:
            text = _join_lines(data[kind])
            return to_markdown(text) if kind == "text/html" else text
    return ""


def _join_lines(value: object) -> str:
    if isinstance(value, list):
        return "".join(part for part in value if isinstance(part, str))
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _as_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
