"""An import converts a thousand objects for each transaction: other requests have their turns between them."""

import json

from understudy import settings
from understudy.cli.transfer_target import open_directory
from understudy.engine.transfers import importer
from understudy.pacing import Pace

_OBJECTS = 40


async def test_an_import_paces_each_pass_over_its_objects(tmp_path, monkeypatch):
    steps = []

    class CountedPace(Pace):
        async def step(self):
            steps.append(self)
            await super().step()

    monkeypatch.setattr(importer, "Pace", CountedPace)
    source, work = tmp_path / "import.jsonl", tmp_path / "work"
    work.mkdir()
    source.write_text("\n".join(json.dumps(_assistant(number)) for number in range(_OBJECTS)))
    loaded = settings.load({"data": str(tmp_path / "data")})
    async with open_directory(loaded.settings, None, creates=True) as target:
        done = await target.run_import(source, None, work, dry_run=False, on_conflict="skip")
    assert done.report.imported == {"assistant": _OBJECTS}
    # One pass lists what the objects name, and one converts them.
    assert len(steps) == 2 * _OBJECTS


def _assistant(number):
    return {"id": f"asst_{number:024}", "object": "assistant", "created_at": 1_700_000_000, "model": "m", "tools": []}
