"""Jupyter notebooks: cells in their order, with the text of their outputs. Source: nbformat 4, and the sheets of 3."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from understudy.retrieval.reading import plain
from understudy.retrieval.reading.html import to_markdown
from understudy.retrieval.reading.source import Source
from understudy.retrieval.reading.unreadable import Unreadable

_TEXTS: Final = ("text/markdown", "text/plain", "text/latex", "text/html", "application/json")
_OLD_TEXTS: Final = {"text": "text/plain", "html": "text/html", "latex": "text/latex"}


def ipynb(source: Source) -> Iterator[str]:
    text = "".join(plain.text(source))
    try:
        notebook = json.loads(text)
    except (ValueError, RecursionError):
        source.warn("The notebook is damaged, and was read as plain text.")
        yield text
        return
    if not isinstance(notebook, dict) or not isinstance(cells := _cells(notebook), list):
        raise Unreadable("invalid_file", "The file is not a Jupyter notebook, despite its name.")
    language = _language(notebook)
    for cell in cells:
        if isinstance(cell, dict):
            yield from _cell(cell, language)


def _cells(notebook: Mapping[str, Any]) -> object:
    if "cells" in notebook:
        return notebook["cells"]
    sheets = notebook.get("worksheets")
    if not isinstance(sheets, list):
        return None
    return [cell for sheet in sheets if isinstance(sheet, dict) for cell in _list(sheet.get("cells"))]


def _language(notebook: Mapping[str, Any]) -> str:
    metadata = notebook.get("metadata")
    spec = metadata.get("kernelspec") if isinstance(metadata, dict) else None
    language = spec.get("language") if isinstance(spec, dict) else None
    return language if isinstance(language, str) else "python"


def _cell(cell: Mapping[str, Any], language: str) -> Iterator[str]:
    text = _joined(cell.get("source", cell.get("input")))
    if cell.get("cell_type") != "code":
        yield f"{text}\n\n" if text.strip() else ""
        return
    if text.strip():
        yield f"```{language}\n{text}\n```\n\n"
    for output in _list(cell.get("outputs")):
        if isinstance(output, dict) and (shown := _output(output).strip()):
            yield f"Output:\n\n{shown}\n\n"


def _output(output: Mapping[str, Any]) -> str:
    """A stream, an error, or the most readable of the forms of a result; none for a picture."""
    if output.get("output_type") in {"error", "pyerr"}:
        return f"{_joined(output.get('ename'))}: {_joined(output.get('evalue'))}"
    if output.get("output_type") == "stream":
        return _joined(output.get("text"))
    data = output.get("data")
    if not isinstance(data, dict):
        data = {_OLD_TEXTS[key]: value for key, value in output.items() if key in _OLD_TEXTS}
    for kind in _TEXTS:
        if kind in data:
            text = _joined(data[kind])
            return to_markdown(text) if kind == "text/html" else text
    return ""


def _joined(value: object) -> str:
    if isinstance(value, list):
        return "".join(part for part in value if isinstance(part, str))
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
