"""Says what came back of code that ran: what it printed, figures that were shown, files that it made, or how it failed.

Reads the output as the code interpreter shows it to models. Links only files that are listed there.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from understudy.llm import tokens
from understudy.llm.rehearsal.conversation import Output

_FILES = re.compile(r"\[files: (/.*)\]\Z", re.DOTALL)
_FIGURES = re.compile(r"\[(\d{1,4}) figures? shown to the user\]\Z")
_NO_OUTPUT = "[no output]"
_ERROR_LINE = re.compile(
    r"^(?:[A-Za-z_][\w.]{0,80}\.)?(?:[A-Z]\w{0,60}(?:Error|Exception|Interrupt|Exit|Warning)|StopIteration)(?::.*)?$"
)
_MARKUP = re.compile(r"[*_`<>\[\]#|~\\$]")
_WORDS = re.compile(r"[^\W\d_]{2,}[ ,:!.]|[^\W\d_]{2,}$")
_COLOUR = re.compile(r"\x1b\[[0-9;]{0,20}m")
_MAX_OUTPUT = 1_500
_MAX_ERROR = 300


@dataclass(frozen=True, slots=True)
class Result:
    """What a run left: `printed` text, the number of `figures`, the paths of `files`, and its `fault` if it failed."""

    printed: str
    figures: int = 0
    files: tuple[str, ...] = ()
    fault: str = ""


def read(output: str) -> Result:
    text = _COLOUR.sub("", output).strip("\n ")
    files: tuple[str, ...] = ()
    figures = 0
    last, rest = _last_line(text)
    if match := _FILES.match(last):
        files = tuple(re.split(r", (?=/)", match[1]))
        text = rest
        last, rest = _last_line(text)
    if match := _FIGURES.match(last):
        figures = int(match[1])
        text = rest
    text = "" if text == _NO_OUTPUT else text
    return Result(text, figures, files, _find_error(text))


def _last_line(text: str) -> tuple[str, str]:
    rest, _, last = text.rpartition("\n")
    return last.strip(), rest.rstrip("\n")


def _find_error(text: str) -> str:
    """The error that ended the code, empty where none did."""
    last, _ = _last_line(text)
    if _ERROR_LINE.match(last):
        return last
    if "Traceback (most recent call last)" not in text:
        return ""
    lines = [line.strip() for line in text[-4_000:].splitlines()]
    return next((line for line in reversed(lines) if _ERROR_LINE.match(line)), last)


def report(outputs: Sequence[Output]) -> str:
    """What to say of the runs; of a run that was tried again only the last try."""
    read_all = [read(output.whole) for output in outputs]
    kept = [result for at, result in enumerate(read_all) if not result.fault or at == len(read_all) - 1]
    return "\n\n".join(_render_result(result) for result in kept)


def _render_result(result: Result) -> str:
    if result.fault:
        said = f"The code failed with {_code_span(tokens.shorten(result.fault, _MAX_ERROR))}."
    else:
        said = _render_printed(result.printed, quiet=bool(result.figures or result.files))
    return "\n\n".join(part for part in (said, _describe_figures(result.figures), _link_files(result.files)) if part)


def _render_printed(text: str, *, quiet: bool) -> str:
    if not text:
        return "" if quiet else "The code ran and printed nothing."
    if "\n" not in text and len(text) <= 200:
        said = _code_span(text) if _MARKUP.search(text) else text
        return (
            f"{'The code printed:' if _WORDS.match(text) else 'The result is'} {said}{'' if said[-1] in '.!?' else '.'}"
        )
    fence = "`" * max(3, max((len(run) + 1 for run in re.findall("`+", text)), default=0))
    return f"The code printed:\n\n{fence}\n{tokens.shorten(text, _MAX_OUTPUT)}\n{fence}"


def _code_span(text: str) -> str:
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    space = " " if "`" in text else ""
    return f"{fence}{space}{text}{space}{fence}"


def _describe_figures(figures: int) -> str:
    if not figures:
        return ""
    return (
        "I drew the figure that is shown here."
        if figures == 1
        else f"I drew the {figures} figures that are shown here."
    )


def _link_files(paths: Sequence[str]) -> str:
    links = [f"[{_link_label(path)}](sandbox:{path})" for path in paths]
    if not links:
        return ""
    return (
        f"Here is the file: {links[0]}"
        if len(links) == 1
        else "Here are the files:\n\n" + "\n".join(f"- {link}" for link in links)
    )


def _link_label(path: str) -> str:
    return path.rpartition("/")[2].replace("[", "\\[").replace("]", "\\]")
