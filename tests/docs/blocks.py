"""The fenced blocks of README.md and docs/*.md, and the code in backticks of their sentences."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_FENCE = re.compile(r"^( *)(`{3,}|~{3,})\s*(\S*)")


@dataclass(frozen=True)
class Block:
    """`line` is the number of its opening fence, `section` the heading above it, `kind` the word behind the fence."""

    page: str
    line: int
    section: str
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    def compile(self):
        """The code, whose tracebacks name the page and the line."""
        return compile("\n" * self.line + self.text, self.page, "exec")


def read_blocks(page: Path) -> Iterator[Block]:
    name, section = page.relative_to(ROOT).as_posix(), ""
    lines = enumerate(page.read_text("utf-8").splitlines(), 1)
    for number, line in lines:
        if line.startswith("#"):
            section = line.lstrip("# ")
        if not (fence := _FENCE.match(line)):
            continue
        indent, marker, kind = fence.groups()
        inside = []
        for _, text in lines:
            if text.strip() == marker:
                break
            inside.append(text.removeprefix(indent))
        else:
            raise ValueError(f"{name}:{number}: the block is not closed")
        yield Block(name, number, section, kind, "".join(f"{text}\n" for text in inside))


def read_inline_code(page: Path) -> Iterator[str]:
    """What stands in backticks outside of the blocks, also where it is broken over two lines."""
    text = re.sub(r"^( *)(```|~~~).*?^\1\2$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    for code in re.findall(r"`([^`]+)`", text):
        yield " ".join(code.split())


BLOCKS = [block for page in PAGES for block in read_blocks(page)]


def blocks_of(kind: str, page: str | None = None) -> list[Block]:
    return [block for block in BLOCKS if block.kind == kind and page in {None, block.page}]
