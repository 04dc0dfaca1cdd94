"""Pages that stand in for those of the site: it is not built, or it has no such page."""

from base64 import b64encode
from hashlib import sha256
from typing import Final

_STYLE: Final = """
:root { color-scheme: light dark }
body { font: 16px/1.6 system-ui, sans-serif; max-width: 36rem; margin: 15vh auto; padding: 0 1rem }
pre { padding: 0.8rem 1rem; border: 1px solid #8886; border-radius: 6px; overflow-x: auto }
code { font: 0.9em ui-monospace, monospace } a { color: light-dark(#0b63ce, #6cabff) }
"""
_STYLE_HASH: Final = b64encode(sha256(_STYLE.encode()).digest()).decode()
NOTICE_HEADERS: Final = {
    "content-security-policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    ),
    "cache-control": "no-cache",
}
NOT_BUILT: Final = """<h1>The documentation is not built</h1>
<p>This server runs from a checkout. <code>scripts/serve</code> builds the pages in the background after its start; this
command builds them at once:</p>
<pre><code>scripts/docs</code></pre>
<p>Then reload this page; the server need not be restarted. Until then, read the Markdown files in the folder
<code>docs</code> of the checkout, or the <a href="{home}reference/api/">reference of the API</a>.</p>"""
NOT_FOUND: Final = """<h1>Page not found</h1>
<p>The documentation has no page of this address. <a href="{home}">Start at its first page</a>, which also has a
search.</p>"""


def render_notice(notice: str, home: str) -> str:
    """`home` is the relative address of `/docs/`."""
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Understudy documentation</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>{notice.format(home=home)}</html>'
    )
