"""The files of the built site, read and compressed on demand: most servers are never asked for them."""

import gzip
import re
from base64 import b64encode
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal

FOLDER: Final = Path(__file__).resolve().parent / "pages"
# scripts/docs writes it last.
BUILT: Final = "built"
_MEDIA_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".txt": "text/plain; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
_COMPRESSED: Final = frozenset({".html", ".css", ".js", ".json", ".txt", ".svg"})
_SEGMENT: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
_INLINE_SCRIPT: Final = re.compile(rb"<script(?:\s+type=\"(?:text/javascript|module)\")?>(.*?)</script>", re.DOTALL)
_INLINE_STYLE: Final = re.compile(rb"<style>(.*?)</style>", re.DOTALL)
# The site's builder puts a checksum into the names of its scripts and styles.
_HASHED_NAME: Final = re.compile(r"assets/.*\.[0-9a-f]{8}\.min\.\w+")


@dataclass(frozen=True, slots=True)
class SiteFile:
    """`policy` is the Content-Security-Policy of a page, empty for other files."""

    content: bytes
    media_type: str
    etag: str
    policy: str
    compressed: bytes | None
    is_unchanging: bool


def is_built(folder: Path = FOLDER) -> bool:
    return (folder / BUILT).exists()


def read_file(folder: Path, name: str) -> SiteFile | Literal["folder", "not built", "not found"]:
    """The file of a path below `/docs/`, in the built site; a path that ends with a slash is the page of a folder.

    `folder`: the path is a folder's without its slash. No other files of this machine can be named.
    """
    if not is_built(folder):
        return "not built"
    segments = name.split("/")
    if not segments[-1]:
        segments[-1] = "index.html"
    if not all(map(_SEGMENT.fullmatch, segments)):
        return "not found"
    path = folder.joinpath(*segments)
    if path.is_dir():
        return "folder"
    if path.suffix not in _MEDIA_TYPES or not path.is_file():
        return "not found"
    return _read_file(folder, path, path.stat().st_mtime_ns)


@lru_cache(maxsize=16)
def _read_file(folder: Path, path: Path, _changed: int) -> SiteFile:
    content = path.read_bytes()
    return SiteFile(
        content=content,
        media_type=_MEDIA_TYPES[path.suffix],
        etag=f'"{sha256(content).hexdigest()[:16]}"',
        policy=_policy(content) if path.suffix == ".html" else "",
        compressed=gzip.compress(content, 6, mtime=0) if path.suffix in _COMPRESSED else None,
        is_unchanging=_HASHED_NAME.fullmatch(path.relative_to(folder).as_posix()) is not None,
    )


def _policy(page: bytes) -> str:
    """Allows the site's own files, and by their hashes the scripts and styles that are part of the page."""
    scripts = "".join(f" {_hash(script)}" for script in sorted(set(_INLINE_SCRIPT.findall(page))))
    styles = "".join(f" {_hash(style)}" for style in sorted(set(_INLINE_STYLE.findall(page))))
    return (
        f"default-src 'none'; script-src 'self'{scripts}; style-src 'self'{styles}; img-src 'self' data:;"
        " connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


def _hash(text: bytes) -> str:
    return f"'sha256-{b64encode(sha256(text).digest()).decode()}'"
