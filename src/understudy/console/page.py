"""The one HTML page of the console. It holds no content: everything comes from the modules that it loads."""

from typing import Final

from understudy.console.assets import STYLE, AssetTable
from understudy.console.bundles import BUNDLES, ENTRY

_PAGE: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Understudy</title>
<meta name="viewport" content="width=device-width, initial-scale=1, interactive-widget=resizes-content">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<link rel="icon" href="{base}icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="{base}{style}">
<script type="module" src="{base}{entry}"></script>
{preloads}
<body>
<div id="app"><noscript>The console needs JavaScript. The API works without it.</noscript></div>
</body>
</html>
"""


def render_page(table: AssetTable, path: str, *, joined: bool = True) -> str:
    """The page for a path below `/console/`; its links are relative. Not `joined`, it loads each module by itself."""
    base = f"{'../' * path.count('/')}assets/{table.hash}/"
    scripts, styles = table.list_preloads(path) if joined else ([], [])
    links = [f'<link rel="modulepreload" href="{base}{name}">' for name in scripts]
    links += [f'<link rel="preload" as="style" href="{base}{name}">' for name in styles]
    entry = BUNDLES + ENTRY if joined else ENTRY
    return _PAGE.format(base=base, style=STYLE, entry=entry, preloads="\n".join(links))
