"""The console's files: read once, hashed together, compressed when first requested."""

import gzip
import hashlib
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).resolve().parent
MEDIA_TYPES: Final = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
"""The served files by suffix; others, such as types and licences, are not sent."""

_STATIC_IMPORT: Final = re.compile(r"""(?:^|[;}\s])(?:import|export)\b[^;'"()]*['"](\.{1,2}/[^'"]+)['"]""")
_ENTRY: Final = "app/main.js"
_ROUTES: Final = "app/routes.js"
_ROUTE: Final = re.compile(r'\{ path: "([^"]*)", page: "([^"]+)"')
_TEXTS: Final = "text/en/{}.js"
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

    def list_preloads(self, path: str) -> tuple[str, ...]:
        """The modules of the page at a path below the console, so that a browser fetches all of them at once."""
        page = self._find_page(path)
        if page not in self._preloads:
            self._preloads[page] = tuple(self._list_modules(page))
        return self._preloads[page]

    @cached_property
    def _preloads(self) -> dict[str | None, tuple[str, ...]]:
        return {}

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

    def _list_modules(self, page: str | None) -> list[str]:
        """The first module, the page, their texts, and what they import, directly or not; without the first one."""
        found = [_ENTRY, _TEXTS.format("shared")]
        if page is not None:
            found += [f"pages/{page}.js", _TEXTS.format(page.split("/")[0])]
        found = [name for name in found if name in self.assets]
        for path in found:
            found += [name for name in self._imports(path) if name in self.assets and name not in found]
        return found[1:]

    def _imports(self, path: str) -> Iterator[str]:
        text = self.assets[path].content.decode()
        for target in dict.fromkeys(_STATIC_IMPORT.findall(text)):
            yield posixpath.normpath(posixpath.join(posixpath.dirname(path), target))


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
    return AssetTable(assets, digest.hexdigest()[:16])
