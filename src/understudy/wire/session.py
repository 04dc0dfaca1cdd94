"""What a key or a person may do on this server: project, limits, and which features are on. Not of the hosted API."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from understudy.wire.billing import KeyDetails


class SessionProject(Struct, kw_only=True):
    id: str
    name: str


class SessionBalance(Struct, kw_only=True):
    """In US dollars. Without a budget, use is recorded and not limited."""

    is_limited: bool
    amount: float
    is_low: bool


class Feature(Struct, kw_only=True):
    """`available` is null while it is being checked. `reason` says why it is off, and what to do."""

    available: bool | None
    reason: str | None


class SessionFeatures(Struct, kw_only=True):
    """`semantic_search`: vector stores compare meanings. `providers`: models other than the embedded one."""

    code_interpreter: Feature
    mcp: Feature
    videos: Feature
    semantic_search: Feature
    providers: Feature


class SessionLimits(Struct, kw_only=True):
    """In bytes."""

    body_bytes: Annotated[int, Meta(description="Of a JSON request.")]
    file_bytes: Annotated[int, Meta(description="Of a file in one request.")]
    upload_bytes: Annotated[int, Meta(description="Of a file that is uploaded in parts.")]
    import_bytes: Annotated[int, Meta(description="Of the file of an import.")]


class SessionRetention(Struct, kw_only=True):
    """What is not listed here is stored until a client deletes it, or until the time that it has chosen."""

    run_events_seconds: Annotated[float, Meta(description="Until the events of an ended run cannot be replayed.")]
    videos_days: Annotated[float | None, Meta(description="Until a video is deleted; null for never.")]


class SessionUserProject(Struct, kw_only=True):
    id: str
    name: str
    role: Literal["owner", "member"]


class SessionUser(Struct, kw_only=True):
    """The person who has signed in. `projects` are those to choose from, with the role there."""

    id: str
    name: str | None
    email: str | None
    role: Literal["owner", "reader"]
    projects: list[SessionUserProject]


class SessionObject(Struct, kw_only=True):
    """Either `key` or `user` is set. `project` is null for a person without projects."""

    object: Literal["session"] = "session"
    version: str
    project: SessionProject | None
    key: KeyDetails | None
    user: SessionUser | None
    balance: SessionBalance
    features: SessionFeatures
    limits: SessionLimits
    retention: SessionRetention


class SignInProvider(Struct, kw_only=True):
    """`GET /auth/login?return_to=` redirects a browser there."""

    name: str


class SignInOptions(Struct, kw_only=True):
    """`provider` is null if people sign in with API keys alone."""

    object: Literal["sign_in_options"] = "sign_in_options"
    provider: SignInProvider | None


class SignedOut(Struct, kw_only=True):
    """`redirect_url` ends the provider's own session; null if it has no page for that."""

    object: Literal["signed_out"] = "signed_out"
    redirect_url: str | None
