"""Programs that look into the user's files in `/mnt/data`: what a table holds, a figure of it, a number from it.

Which files there are is not known when the program is written, so it looks: for those that the message names, else for
the newest.
"""

import re

from understudy.llm.rehearsal.script import Script

_SHEETS = (".csv", ".tsv", ".xls", ".xlsx", ".parquet")
_READABLE = (*_SHEETS, ".json")
_NAMES = re.compile(
    r"(?<![\w/])[\"'`]?(?P<name>[\w][\w .()-]{0,80}?"
    r"\.(?:csv|tsv|xlsx?|json|parquet|txt|md|log|xml|html?|zip|png|jpe?g|pdf|py|dat))\b"
    r"|\b(?P<id>file-[A-Za-z0-9]{6,40})\b",
    re.IGNORECASE,
)
_LAST_WORD = re.compile(r"[^\s\"'`]+$")
_TABULAR = re.compile(
    r"\b[\w-]+\.(?:csv|tsv|xlsx?|parquet)\b|\b(?:csv|excel|spread ?sheet|data ?sets?|data ?frame|columns?|rows)\b",
    re.IGNORECASE,
)
_SOME_FILE = re.compile(
    r"\b(?:the|this|that|my|these|those|attached|uploaded|provided|available|your|given)\s+(?:\w+\s+){0,2}?"
    r"(?:files?|data|tables?|documents?|attachments?|uploads?|csv|spreadsheets?|data ?sets?"
    r"|sheets?|workbooks?)\b|/mnt/data",
    re.IGNORECASE,
)
_EXAMINED = re.compile(
    r"\b(?:analy[sz]e|analysis|summari[sz]e|describe|explore|inspect|examine|look at|open|read|load|show|display|list"
    r"|print|count|check|what(?:'s| is| are| does| do)?|how many|how much|which|average|mean|median|total|sum"
    r"|max(?:imum)?|min(?:imum)?|highest|lowest|correlation|trend|statistics|insights?|tell|give|help|calculate"
    r"|compute|find)\b",
    re.IGNORECASE,
)
_DRAWN = re.compile(r"\b(?:plot|draw|graph|charts?|visuali[sz]e|histogram)\b", re.IGNORECASE)
_HISTOGRAM = re.compile(r"\bhistogram\b|\bdistribution\b", re.IGNORECASE)
_LISTED = re.compile(r"\b(?:list|which|what|show|how many)\b.{0,20}\bfiles\b", re.IGNORECASE)
_MEASURES = {
    "mean": re.compile(r"\b(?:average|mean)\b", re.IGNORECASE),
    "median": re.compile(r"\bmedian\b", re.IGNORECASE),
    "sum": re.compile(r"\b(?:total|sum)\b", re.IGNORECASE),
    "max": re.compile(r"\b(?:max(?:imum)?|highest|largest|biggest|most expensive)\b", re.IGNORECASE),
    "min": re.compile(r"\b(?:min(?:imum)?|lowest|smallest|cheapest)\b", re.IGNORECASE),
    "std": re.compile(r"\b(?:standard deviation|std)\b", re.IGNORECASE),
}
_DATA = re.compile(r"\bdata\b|/mnt/data|\banaly[sz]|\btables?\b|\bstatistic", re.IGNORECASE)
_MERE_DATA = re.compile(r"\bdata\b|/mnt/data", re.IGNORECASE)
_ROWS = re.compile(
    r"\b(?:how many|number of|count)\b.{0,20}\b(?:rows|records|lines|entries)\b",
    re.IGNORECASE,
)
_COLUMNS = re.compile(r"\b(?:columns|fields|headers?)\b", re.IGNORECASE)

_FOUND = """import os

folder = '/mnt/data'
wanted = {names!r}
paths = [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
paths = [path for path in paths if os.path.isfile(path)]
paths = [path for path in paths if os.path.basename(path) in wanted] or sorted(paths, key=os.path.getmtime)
if not paths:
    raise FileNotFoundError('There are no files in ' + folder)
path = paths[-1]
"""
_READ = """import pandas as pd


def read(path):
    with open(path, 'rb') as file:
        start = file.read(4)
    if start == b'PK\\x03\\x04' or path.endswith('.xls'):
        return pd.read_excel(path)
    if path.endswith('.json'):
        return pd.read_json(path)
    if path.endswith('.parquet'):
        return pd.read_parquet(path)
    return pd.read_csv(path, sep=None, engine='python')


table = read(path)
print(os.path.basename(path))
"""
_PEEK = """
with open(path, encoding='utf-8', errors='replace') as file:
    text = file.read()
print(os.path.basename(path), f'({len(text.splitlines())} lines)')
print(text[:2000])"""
_LIST = """import os

for name in sorted(os.listdir('/mnt/data')):
    print(name, os.path.getsize(os.path.join('/mnt/data', name)), 'bytes')"""
_CHOSEN = """columns = [name for name in table.columns if str(name).lower() in question] or list(table.columns)
numeric = table[columns].select_dtypes('number')
"""
_SHAPE = "print(len(table), 'rows; columns:', ', '.join(map(str, table.columns)))"
_OVERVIEW = f"""{_SHAPE}
print(table.head().to_string())
print(table.describe(include='all').to_string())"""
_PLOTTED = """import matplotlib.pyplot as plt

numeric.plot(ax=plt.figure(figsize=(8, 5)).gca())
plt.title(os.path.basename(path))
plt.xlabel('row')
plt.ylabel('value')
plt.show()"""
_DISTRIBUTED = """import matplotlib.pyplot as plt

numeric.hist(figsize=(8, 5))
plt.suptitle(os.path.basename(path))
plt.show()"""


def asked(text: str) -> Script | None:
    """A program for a message that plainly speaks of a table."""
    if not _asks(text):
        return None
    is_named = any(name.lower().endswith(_SHEETS) for name in names(text))
    return _examine(text) if is_named or (_TABULAR.search(text) and _SOME_FILE.search(text)) else None


def examined(text: str, *, searchable: bool) -> Script | None:
    """A program for a message that speaks of a file of any kind, or of data; with `searchable` of data only."""
    if (searchable and not _MERE_DATA.search(text)) or not _asks(text):
        return None
    if _LISTED.search(text) and not names(text):
        return Script(_LIST)
    return _examine(text) if names(text) or _SOME_FILE.search(text) else None


def _asks(text: str) -> bool:
    return bool(_EXAMINED.search(text) or _DRAWN.search(text))


def names(text: str) -> list[str]:
    """The names of files in the text; of a name with spaces also its last word, since a sentence may run into it."""
    found: list[str] = []
    for match in _NAMES.finditer(text):
        said = match["name"] or match["id"]
        found += [said, *([last[0]] if (last := _LAST_WORD.search(said)) else [])]
    return list(dict.fromkeys(found))


def _examine(text: str) -> Script:
    named = names(text)
    find = _FOUND.format(names=named)
    is_table = any(name.lower().endswith(_READABLE) for name in named) or (not named and _speaks_of_data(text))
    if not is_table:
        return Script(find + _PEEK)
    return Script(f"{find}{_READ}{_measuring(text)}", find + _PEEK)


def _speaks_of_data(text: str) -> bool:
    patterns = (_TABULAR, _DATA, _DRAWN, *_MEASURES.values())
    return any(pattern.search(text) for pattern in patterns)


def _measuring(text: str) -> str:
    """What is done with the table; of its columns those are used that the message names, all where it names none."""
    chosen = f"question = {text.lower()[:1_000]!r}\n{_CHOSEN}"
    if _DRAWN.search(text):
        return chosen + (_DISTRIBUTED if _HISTOGRAM.search(text) else _PLOTTED)
    if measures := [name for name, pattern in _MEASURES.items() if pattern.search(text)]:
        return f"{chosen}print(numeric.agg({measures!r}).to_string())"
    if _ROWS.search(text):
        return "print(len(table), 'rows')"
    return _SHAPE if _COLUMNS.search(text) else _OVERVIEW
