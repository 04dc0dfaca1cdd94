"""The composition root, which alone knows all parts: `server.py` opens those of a server, `building.py` builds them."""

from understudy.app.offline import open_offline
from understudy.app.reindexing import reindexing
from understudy.app.roles import Role
from understudy.app.server import Understudy, create_app

__all__ = ["Role", "Understudy", "create_app", "open_offline", "reindexing"]
