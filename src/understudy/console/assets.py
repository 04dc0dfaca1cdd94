"""The console's files: read once, hashed together, compressed when first requested."""

import gzip
import hashlib
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from understudy.console.bundles import BUNDLES, ENTRY, Bundler

FOLDER: Final = Path(__file__).resolve().parent
MEDIA_TYPES: Final = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
"""The served files by suffix; others, such as types and licences, are not sent."""

_ROUTES: Final = "app/routes.js"
_ROUTE: Final = re.compile(r'\{ path: "([^"]*)", page: "([^"]+)"')
_TEXTS: Final = "text/en/{}.js"
_SHELL: Final = (ENTRY, _TEXTS.format("shared"))
"""What every page loads."""
_PAGE_STYLE: Final = re.compile(r'^export const style = "([^"]+)";$', re.MULTILINE)
_PAGE_TEXTS: Final = re.compile(r"^export const texts = \[(.*)\];$", re.MULTILINE)
_STYLES: Final = ("styles/tokens.css", "styles/base.css", "styles/ui.css")
STYLE: Final = "styles.css"
"""The style of all pages; a folder of a page may have one of its own."""


@dataclass(frozen=True)
class Asset:
    content: bytes
    media_type: str

    @cached_property
    def compressed(self) -> bytes:
        return gzip.compress(self.content, 9, mtime=0)


@dataclass(frozen=True)
class AssetTable:
    """All files by their path below the folder; `hash` changes with any of them."""

    assets: dict[str, Asset]
    hash: str
    bundler: Bundler
    bundles: dict[str, Asset] = field(default_factory=dict)
    """The bundles that were requested, by their modules."""

    def find(self, path: str) -> Asset | None:
        """The file, or the bundle of a module, which is joined at its first request, in some milliseconds."""
        module = path.removeprefix(BUNDLES)
        if module == path or not self.bundler.has_module(module):
            return self.assets.get(path)
        if module not in self.bundles:
            self.bundles[module] = Asset(self.bundler.render(module, _SHELL).encode(), MEDIA_TYPES[".js"])
        return self.bundles[module]

    def list_preloads(self, path: str) -> tuple[list[str], list[str]]:
        """The scripts and the styles of the page at a path below the console, so that a browser loads all at once."""
        page = self._find_page(path)
        if page is None:
            return [], []
        folder = page.split("/")[0]
        text = self.assets[f"pages/{page}.js"].content.decode()
        others = _PAGE_TEXTS.search(text)
        names = [folder, *re.findall(r'"([^"]+)"', others[1] if others else "")]
        scripts = [f"pages/{page}.js", *(_TEXTS.format(name) for name in names)]
        styles = [f"pages/{folder}/{name}" for name in _PAGE_STYLE.findall(text)]
        return [BUNDLES + name for name in scripts if name in self.assets], styles

    @cached_property
    def _routes(self) -> list[tuple[list[str], str]]:
        rows = _ROUTE.findall(self.assets[_ROUTES].content.decode())
        return [(pattern.split("/"), page) for pattern, page in rows]

    def _find_page(self, path: str) -> str | None:
        """The module of a page, such as `runs/detail`; None for a path of no page."""
        segments = path.rstrip("/").split("/")
        for pattern, page in self._routes:
            if len(pattern) == len(segments) and all(
                one.startswith(":") or one == segment for one, segment in zip(pattern, segments, strict=True)
            ):
                return page
        return None


def read_assets() -> AssetTable:
    """The files of the folder; those of `_STYLES` as one, `styles.css`."""
    assets = {}
    digest = hashlib.sha256()
    for path in sorted(FOLDER.rglob("*")):
        media_type = MEDIA_TYPES.get(path.suffix)
        if media_type is None or not path.is_file():
            continue
        name, content = path.relative_to(FOLDER).as_posix(), path.read_bytes()
        digest.update(b"%s\0%d\0" % (name.encode(), len(content)) + content)
        assets[name] = Asset(content, media_type)
    styles = [assets.pop(name) for name in _STYLES]
    assets[STYLE] = Asset(b"".join(style.content for style in styles), styles[0].media_type)
    texts = {path: one.content.decode() for path, one in assets.items() if path.endswith(".js")}
    return AssetTable(assets, digest.hexdigest()[:16], Bundler(texts))
