"""The page with all operations of the hosted API: served, relayed to a provider, or refused and why.

`hosted_operations.txt` lists them by method and path, as the hosted API's OpenAPI document of November 2026 has them.
What is served comes from the program; the reasons for administration come from its guide.
"""

import re
from itertools import groupby
from pathlib import Path

from understudy.api.routes import OPERATIONS

SCRIPTS = Path(__file__).resolve().parent
ADMINISTRATION = SCRIPTS.parent / "docs" / "guides" / "administration.md"

PAGE = """\
# Operations of the hosted API

All {count} operations of the hosted API's OpenAPI document: {served} are served here, {relayed} are relayed to the
provider whose model is named, and {refused} are refused in the error envelope: with 404, or with 405 where the path has
other operations. Those beyond the hosted API are listed in [extensions and decisions](decisions.md).

{groups}"""

_RELAYED = re.compile(r"/(images|audio|moderations)\b|/(chat/completions|completions|embeddings)$")
_REASONS = {
    "/audio/": "Voices of the vendor; a provider's voices are used by their names.",
    "/evals": "No evaluation service; use a library that calls this server.",
    "/fine_tuning": "Models are trained where they run, not here.",
    "/realtime/calls": "Media of WebRTC and SIP would pass beside this server; sessions over WebSocket are relayed.",
    "/realtime/translations": "These sessions report no usage that could be charged.",
    "/content_provenance_checks": "A check of the vendor's own watermarks.",
    "/videos/characters": "No provider of videos has it.",
    "/videos/": "No provider of videos has it; `remix` makes a new video with the same settings.",
    "/skills": "No skills; the code interpreter takes files instead.",
    "/chatkit": "The vendor's own chat page; this server has a console.",
}
_TITLES = {"organization": "Administration and usage", "projects": "Roles in projects"}
_ROW = re.compile(r"^\| `(/[^`]+)` \| (.+?) \| (served|404|405) \| (.*?) ?\|$", re.MULTILINE)


def build_page() -> str:
    """The Markdown of the page. Raises KeyError for an operation that is neither served nor has a reason."""
    served = {(one.method, _shape(one.path)) for one in OPERATIONS if one.base == "/v1"}
    reasons = _administration_reasons()
    rows = []
    paths = [re.compile(re.sub("{[^}]+}", "[^/]+", one.path)) for one in OPERATIONS if one.base == "/v1"]
    for line in (SCRIPTS / "hosted_operations.txt").read_text("utf-8").splitlines():
        method, path = line.split(" ")
        plain = path.partition("?")[0]
        if (method, _shape(plain)) in served:
            rows.append((method, path, "relayed" if method == "POST" and _RELAYED.search(plain) else "served", ""))
        else:
            state = "405" if any(one.fullmatch(plain) for one in paths) else "404"
            rows.append((method, path, state, reasons.get((method, _shape(plain))) or _find_reason(plain)))
    groups = groupby(sorted(rows, key=_find_noun), key=_find_noun)
    counts = {state: sum(row[2] == state for row in rows) for state in ("served", "relayed", "404", "405")}
    return PAGE.format(
        count=len(rows),
        served=counts["served"],
        relayed=counts["relayed"],
        refused=counts["404"] + counts["405"],
        groups="\n".join(_section(noun, list(group)) for noun, group in groups),
    )


def _find_noun(row: tuple[str, str, str, str]) -> str:
    return row[1].split("/")[1].partition("?")[0]


def _section(noun: str, rows: list[tuple[str, str, str, str]]) -> str:
    title = _TITLES.get(noun, noun.replace("_", " ").capitalize())
    lines = [f"| `{method} {path}` | {state} | {reason} |" for method, path, state, reason in rows]
    return "\n".join([f"## {title}", "", "| operation | here | reason |", "| --- | --- | --- |", *lines, ""])


def _find_reason(path: str) -> str:
    return next(reason for prefix, reason in _REASONS.items() if path.startswith(prefix))


def _administration_reasons() -> dict[tuple[str, str], str]:
    rows = _ROW.findall(ADMINISTRATION.read_text("utf-8"))
    return {
        (method.strip("` "), _shape(path)): reason for path, methods, _, reason in rows for method in methods.split(",")
    }


def _shape(path: str) -> str:
    """The path without the names of its parameters."""
    return re.sub("{[^}]+}", "{}", path)
