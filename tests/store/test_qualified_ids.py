"""Which projects have imported objects."""

from understudy.store.qualified_ids import QualifiedIds


class NoImports:
    """A database in which no project has an import; `during` is called while it is read."""

    def __init__(self, during=lambda: None):
        self.during = during

    async def read(self, *_):
        self.during()
        return False


async def test_an_import_that_this_process_creates_counts_at_once():
    ids = QualifiedIds(NoImports())
    assert await ids.has_imports("proj_a") is False
    assert ids.has_no_imports("proj_a")
    ids.mark("proj_a")
    assert not ids.has_no_imports("proj_a")
    assert await ids.has_imports("proj_a")


async def test_an_import_that_is_created_during_a_lookup_counts():
    database = NoImports()
    ids = QualifiedIds(database)
    database.during = lambda: ids.mark("proj_a")
    assert await ids.has_imports("proj_a")
    assert not ids.has_no_imports("proj_a")
