"""What the documentation site needs beyond mkdocs: the API's reference, and diagrams as pictures.

GitHub draws the diagrams of the Markdown files itself. The site shows pictures of them, because the program that draws
them is 3 MB of script and needs inline styles, which the site's policy refuses.
"""

import hashlib
import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

_MERMAID = re.compile(r"^```mermaid\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_DIAGRAMS = "images/diagrams"
_VERBATIM = re.compile(r"(<(?:pre|script|style|textarea)\b.*?</(?:pre|script|style|textarea)>)", re.DOTALL)
_BLANKS = re.compile(r"\s*\n\s*")
# Of no use here: canonical addresses, and languages other than the site's.
_PRUNED = ("404.html", "sitemap.xml*", "assets/javascripts/lunr", "**/*.map")


def on_files(files: Any, config: Any) -> Any:
    """Adds the pages of the API's reference, and their entry in the navigation."""
    sys.path.insert(0, str(Path(__file__).parent))
    from api_reference import build_pages  # noqa: PLC0415  # found by the line above

    pages = build_pages()
    for path, (_, text) in pages.items():
        files.append(File.generated(config, path, content=text))
    for section in config.nav:
        if "Reference" in section:
            section["Reference"].append({"API": [{title: path} for path, (title, _) in pages.items()]})
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:  # noqa: ARG001
    """Replaces each diagram by its two pictures, one for each theme."""
    up = "../" * page.file.src_uri.count("/")

    def pictures(block: re.Match[str]) -> str:
        name = diagram_name(block[1])
        if not (Path(config.docs_dir) / _DIAGRAMS / f"{name}-light.svg").exists():
            raise SystemExit(f"{page.file.src_uri}: a diagram has no picture; run scripts/diagrams")
        title = page.title or page.file.name
        return "\n".join(
            f"![Diagram: {title}]({up}{_DIAGRAMS}/{name}-{theme}.svg#only-{theme}){{ .diagram }}"
            for theme in ("light", "dark")
        )

    return _MERMAID.sub(pictures, markdown)


def on_post_page(output: str, page: Any, config: Any) -> str:  # noqa: ARG001
    """Removes indentation and empty lines, which are a third of a page. Code and scripts are left alone."""
    parts = _VERBATIM.split(output)
    return "".join(part if number % 2 else _BLANKS.sub("\n", part) for number, part in enumerate(parts))


def diagram_name(text: str) -> str:
    """The name of a diagram's pictures: a changed diagram has another one."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def diagrams_of(page: Path) -> list[str]:
    return _MERMAID.findall(page.read_text("utf-8"))


def on_post_build(config: Any) -> None:
    """Removes what the server does not send, and adds `llms.txt`."""
    site = Path(config.site_dir)
    for pattern in _PRUNED:
        for path in sorted(site.glob(pattern), reverse=True):
            _remove(path)
    source = Path(config.docs_dir) / "llms.txt"
    text = source.read_text("utf-8")
    for link in re.findall(r"\]\(([^)]+)\)", text):
        if not (site / link / "index.html").exists():
            raise SystemExit(f"llms.txt: {link} is not a page")
    (site / "llms.txt").write_text(text, "utf-8")


def _remove(path: Path) -> None:
    if path.is_dir():
        for child in path.iterdir():
            _remove(child)
        path.rmdir()
    else:
        path.unlink()
