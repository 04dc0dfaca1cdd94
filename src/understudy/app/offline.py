"""All parts of a server without its HTTP edge, for commands that work on a data directory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from understudy.api.parts import Parts
from understudy.app.roles import Role
from understudy.app.server import create_app
from understudy.settings import Settings


@asynccontextmanager
async def open_offline(settings: Settings) -> AsyncIterator[Parts]:
    """The running parts, which execute nothing but imports, exports and deletions.

    The runs, batches and other jobs in the directory wait for a server: a command on a copy of it must not call a
    provider. Raises StoreError, also where a server has the data directory open.
    """
    app = create_app(settings, role=Role(runs_jobs=False, runs_transfers=True))
    async with app.router.lifespan_context(app):
        yield app.state.parts
