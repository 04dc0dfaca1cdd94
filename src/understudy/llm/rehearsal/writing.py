"""Programs that write files to `/mnt/data`: tables, texts, JSON, with what the message says shall be in them."""

import re

from understudy.llm.rehearsal import listing, outputs
from understudy.llm.rehearsal.script import Script

Cell = str | int | float

_MADE = re.compile(r"\b(?:create|make|write|generate|save|produce|export|build|prepare)\b", re.IGNORECASE)
_FILE = re.compile(
    r"\b(?:(?P<kind>csv|text|txt|json|markdown|md|html|excel|xlsx|python|log)[- ]?)?files?\b"
    r"|\b(?P<bare>csv|spreadsheet|excel sheet)\b|[\w-]\.(?:csv|txt|json|md|html|xlsx|py|log|tsv)\b",
    re.IGNORECASE,
)
_NEW = re.compile(r"\b(?:an?|new|some)\s+(?:\w+\s+){0,2}?(?:file|csv|spreadsheet|excel)", re.IGNORECASE)
_NAME = re.compile(
    r"(?<![\w/.])(?P<name>[\w-]{1,80}(?:\.[\w-]{1,20}){0,2}\.(?:csv|tsv|txt|json|md|html|xlsx|log|py))\b", re.IGNORECASE
)
_CALLED = re.compile(r"\b(?:named|called)\s+[\"'`\u201c]?(?P<name>[\w-]{1,80})(?=[\"'`\u201d\s,.]|$)", re.IGNORECASE)
_CONTENT = re.compile(
    r"(?:\bwith the (?:content|contents|text|words?|line|sentence|message)s?"
    r"|\bcontaining(?: the (?:text|words?|content))?|\bthat (?:says|contains|reads|holds)|\bcontents?"
    r"|\bwhich (?:says|contains)|\bwith)\b\s*(?:of\b)?\s*:?\s*(?P<content>.{1,3000})",
    re.IGNORECASE | re.DOTALL,
)
_WRITTEN = re.compile(
    r"\b(?:write|save|put)\s+(?:(?P<quoted>[\"'\u201c].{1,1000}?[\"'\u201d])"
    r"|(?P<content>.{1,1000}?)\s+(?:in|into|to|as)\s+(?:a|the)?\s*(?:new\s+)?(?:\w+\s+)?file\b)",
    re.IGNORECASE | re.DOTALL,
)
_COLUMNS = re.compile(
    r"\b(?:columns?|headers?|fields?)(?: named| called| are)?:?\s+(?P<columns>[^.;\n]{1,300}?)"
    r"(?=\s+(?:and|with)\s+(?:the\s+)?(?:\w+\s+)?(?:rows?|data|values|entries)\b|[.;\n]|$)",
    re.IGNORECASE,
)
_ROWS = re.compile(r"\b(?:rows?|data|values|entries)(?: are| of)?:?\s+(?P<rows>.{1,2000})", re.IGNORECASE | re.DOTALL)
_COUNTED = re.compile(
    r"\bnumbers?\s+(?:from\s+)?(?P<low>\d{1,6})\s*(?:to|through|-|\u2013)\s*(?P<high>\d{1,6})", re.IGNORECASE
)
_POWERS = {
    "square": (re.compile(r"\bsquare", re.IGNORECASE), 2),
    "cube": (re.compile(r"\bcube", re.IGNORECASE), 3),
}
_QUOTED = re.compile(r"^[\"'`\u201c](.*?)[\"'`\u201d](?:\W*$|\s)", re.DOTALL)
_AROUND = re.compile(
    r"\s*(?:,? and (?:give|send|show|let|then|provide)\b.*|,? please\b.*|,? so (?:that )?i\b.*"
    r"|\b(?:named|called)\s+\S+.*|\b(?:in|to|as) (?:a|the) file\b.*)$",
    re.IGNORECASE | re.DOTALL,
)
_NUMERIC = re.compile(r"-?\d{1,15}(?:\.\d{1,12})?")
_NOT_A_MAKING = re.compile(r"\b(?:analy[sz]e|summari[sz]e|describe|what(?:'s| is) in)\b", re.IGNORECASE)
_SUFFIXES = {
    "text": "txt",
    "markdown": "md",
    "excel": "xlsx",
    "python": "py",
    "spreadsheet": "csv",
    "excel sheet": "xlsx",
}
_MOST_ROWS = 10_000

_TEXT = """with open({path!r}, 'w', encoding='utf-8') as file:
    file.write({content!r})
print('Wrote the file.')"""
_JSON = """import json

with open({path!r}, 'w', encoding='utf-8') as file:
    json.dump({value!r}, file, indent=2)
print('Wrote the file.')"""
_CSV = """import csv

rows = {rows!r}
with open({path!r}, 'w', newline='', encoding='utf-8') as file:
    csv.writer(file, delimiter={delimiter!r}).writerows(rows)
print('Wrote', len(rows) - 1, 'rows.')"""
_EXCEL = """import pandas as pd

rows = {rows!r}
pd.DataFrame(rows[1:], columns=rows[0]).to_excel({path!r}, index=False)
print('Wrote', len(rows) - 1, 'rows.')"""


def made(text: str) -> Script | None:
    """A program that writes the file that the text asks for."""
    file = _FILE.search(text)
    if file is None or not _MADE.search(text) or _NOT_A_MAKING.search(text):
        return None
    name = _name(text, file)
    if name is None:
        return None
    path, lowered = f"/mnt/data/{name}", name.lower()
    if lowered.endswith((".csv", ".tsv", ".xlsx")):
        return _table(path, _rows(text))
    content = _content(text, name)
    if lowered.endswith(".json"):
        value = outputs.parse_embedded_json(text) or dict(listing.pairs(content)) or {"content": content}
        return Script(_JSON.format(path=path, value=value))
    return Script(_TEXT.format(path=path, content=content if content.endswith("\n") else f"{content}\n"))


def _name(text: str, file: re.Match[str]) -> str | None:
    kind = (file["kind"] or file["bare"] or "").lower()
    suffix = _SUFFIXES.get(kind, kind) or "txt"
    if match := _NAME.search(text):
        return match["name"]
    if match := _CALLED.search(text):
        return f"{match['name']}.{suffix}"
    stem = "data" if suffix in {"csv", "xlsx", "json"} else "output"
    return f"{stem}.{suffix}" if _NEW.search(text) else None


def _content(text: str, name: str) -> str:
    """What shall be in a text file: what is quoted, what stands behind "with", else a line that says what it is."""
    if match := _COUNTED.search(text):
        return "\n".join(map(str, _range(match)))
    if match := _CONTENT.search(text):
        return _said(match["content"])
    if match := _WRITTEN.search(text):
        return _said(match["content"] or match["quoted"])
    return f"This is {name}."


def _said(text: str) -> str:
    text = text.strip()
    quoted = _QUOTED.match(text)
    return quoted[1] if quoted else _AROUND.sub("", text).strip() or text


def _range(match: re.Match[str]) -> range:
    low, high = sorted((int(match["low"]), int(match["high"])))
    return range(low, min(high, low + _MOST_ROWS) + 1)


def _rows(text: str) -> list[list[Cell]]:
    """The rows of a table, its header first."""
    if match := _COUNTED.search(text):
        return _counted(text, _range(match))
    header: list[Cell] = [*listing.items(match["columns"])] if (match := _COLUMNS.search(text)) else []
    behind = match["rows"] if (match := _ROWS.search(text)) else ""
    labelled = listing.pairs(behind or text)
    if labelled and len(header) in {0, 2}:
        return [header or ["name", "value"], *([label, value] for label, value in labelled)]
    if behind:
        rows = [_cells(line) for line in re.split(r"\s*[;\n]\s*", behind.strip(" .")) if line]
        return [header, *rows] if header else rows
    if header:
        return [header]
    content = match["content"] if (match := _CONTENT.search(text)) else ""
    items = listing.items(_AROUND.sub("", content))
    return [["value"], *([_cell(item)] for item in items or ["example"])]


def _cells(line: str) -> list[Cell]:
    return [_cell(part.strip(" \"'")) for part in re.split(r"\s*,\s*", line)]


def _cell(said: str) -> Cell:
    return listing.number(said) if _NUMERIC.fullmatch(said) else said


def _counted(text: str, numbers: range) -> list[list[Cell]]:
    """ "The numbers 1 to 10 and their squares"."""
    powers = {name: power for name, (pattern, power) in _POWERS.items() if pattern.search(text)}
    return [["number", *powers], *([n, *(n**power for power in powers.values())] for n in numbers)]


def _table(path: str, rows: list[list[Cell]]) -> Script:
    if path.lower().endswith(".xlsx"):
        simpler = _CSV.format(rows=rows, path=f"{path[:-5]}.csv", delimiter=",")
        return Script(_EXCEL.format(rows=rows, path=path), simpler)
    return Script(_CSV.format(rows=rows, path=path, delimiter="\t" if path.lower().endswith(".tsv") else ","))
