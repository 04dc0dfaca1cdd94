"""The table of operations under /organization and /projects has what is served."""

import re

from docs.blocks import ROOT
from understudy.api.routes import OPERATIONS

ROW = re.compile(r"^\| `(/[^`]+)` \| (.+?) \| (served|404|405) \| (.*?) ?\|$", re.MULTILINE)


def test_the_table_of_administration_is_what_the_server_serves():
    page = (ROOT / "docs/guides/administration.md").read_text("utf-8")
    listed = {
        (method.strip("` "), re.sub("{[^}]+}", "{}", path)): (state, reason)
        for path, methods, state, reason in ROW.findall(page)
        for method in methods.split(",")
    }
    served = {
        (one.method, re.sub("{[^}]+}", "{}", one.path))
        for one in OPERATIONS
        if one.path.startswith(("/organization", "/projects"))
    }
    assert {key for key, (state, _) in listed.items() if state == "served"} == served & {*listed}
    assert all(bool(reason) == (state != "served") for state, reason in listed.values())
    assert len(listed) == 119
