"""All parts of a server without its HTTP edge, for commands that work on a data directory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from understudy.api.parts import Parts
from understudy.app.server import create_app
from understudy.settings import Settings


@asynccontextmanager
async def open_offline(settings: Settings) -> AsyncIterator[Parts]:
    """The running parts. Raises StoreError, also where a server has the data directory open."""
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield app.state.parts
