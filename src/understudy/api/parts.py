"""The services that handlers use, built once by the application."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request

from understudy.api.browser_sessions import actor_of
from understudy.api.mcp import McpServer
from understudy.api.open_streams import OpenStreams
from understudy.blobs import Blobs
from understudy.broker import Broker
from understudy.clock import Clock
from understudy.engine.accounting import Accounting
from understudy.engine.admission import Admission
from understudy.engine.containers import Containers
from understudy.engine.documents import Documents
from understudy.engine.files import Files
from understudy.engine.health import Health
from understudy.engine.images import Images
from understudy.engine.item_data import ItemData
from understudy.engine.item_images import ItemImages
from understudy.engine.jobs.batches import Batches
from understudy.engine.jobs.deliveries import Webhooks
from understudy.engine.jobs.transcriptions import Transcriptions
from understudy.engine.jobs.transfers import Transfers
from understudy.engine.key_uses import KeyUses
from understudy.engine.limits.limiter import RateLimiter
from understudy.engine.metrics.metrics import Metrics
from understudy.engine.project_events import ProjectEvents
from understudy.engine.providers import Providers
from understudy.engine.realtime.sessions import RealtimeSessions
from understudy.engine.responses import Responses
from understudy.engine.run_contexts import RunContexts
from understudy.engine.runs import Runs
from understudy.engine.sign_in import SignIn
from understudy.engine.traces import Traces
from understudy.engine.uploads import Uploads
from understudy.engine.vector_stores import VectorStores
from understudy.engine.videos import Videos
from understudy.llm.model_info import ModelProfiles
from understudy.llm.router import Models
from understudy.media.download import Downloader
from understudy.settings import Settings
from understudy.store import Store
from understudy.store.audit_logs import Change
from understudy.store.principals import Principal


@dataclass(frozen=True, slots=True)
class Parts:
    settings: Settings
    store: Store
    models: Models
    accounting: Accounting
    admission: Admission
    limiter: RateLimiter
    details: ModelProfiles
    runs: Runs
    responses: Responses
    traces: Traces
    contexts: RunContexts
    files: Files
    uploads: Uploads
    vector_stores: VectorStores
    batches: Batches
    videos: Videos
    webhooks: Webhooks
    transcriptions: Transcriptions
    recordings: Downloader
    transfers: Transfers
    containers: Containers
    blobs: Blobs
    broker: Broker
    project_events: ProjectEvents
    documents: Documents
    images: Images
    item_data: ItemData
    item_images: ItemImages
    health: Health
    providers: Providers
    metrics: Metrics
    key_uses: KeyUses
    clock: Clock
    streams: OpenStreams
    realtime: RealtimeSessions
    mcp: McpServer
    sign_in: SignIn | None

    def now(self) -> int:
        """The current time in whole Unix seconds, as in objects."""
        return int(self.clock.now())

    async def active_keys(self, key_ids: Sequence[str]) -> set[str]:
        """The ids among `key_ids` of keys that are valid now."""
        return await self.store.keys.active(key_ids, self.now())


def parts_of(request: Request) -> Parts:
    """Those that the request started with: a reload of the settings replaces them."""
    parts: Parts = request.scope["state"]["parts"]
    return parts


def change_of(request: Request) -> Change:
    """Who makes a change by this request of an admin key or a person, and when."""
    return Change(actor_of(principal_of(request), request.scope), parts_of(request).now())


def principal_of(request: Request) -> Principal:
    """The key of the request."""
    principal: Principal = request.scope["state"]["principal"]
    return principal


def named_project_of(request: Request) -> str:
    """The id of the project in the path, which an admin key administers."""
    project_id: str = request.path_params["project_id"]
    return project_id


def named_user_of(request: Request) -> str:
    """The id of the user in the path."""
    user_id: str = request.path_params["user_id"]
    return user_id


def key_of(request: Request) -> str:
    """The id of the request's key, or of the user whose session it has; empty without either."""
    key_id: str = request.scope["state"]["key_id"]
    return key_id


def project_of(request: Request) -> str:
    """The id of the project of the request's key."""
    project_id: str = request.scope["state"]["project_id"]
    return project_id
