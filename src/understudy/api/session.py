"""The session of a key over HTTP: its project and limits, and what this server offers."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from understudy import __version__
from understudy.api.billing import render_key
from understudy.api.operations import EXTENSIONS, OperationGroup
from understudy.api.parts import Parts, parts_of, principal_of
from understudy.api.requests import struct_response
from understudy.engine.accounting import usd
from understudy.errors.objects import project_not_found
from understudy.retrieval.embed import BUILTIN
from understudy.store.roles import Person
from understudy.wire.health import HealthObject
from understudy.wire.session import (
    Feature,
    SessionBalance,
    SessionFeatures,
    SessionLimits,
    SessionObject,
    SessionProject,
    SessionRetention,
    SessionUser,
    SessionUserProject,
)

operations = OperationGroup(EXTENSIONS)

_ON: Final = Feature(available=True, reason=None)
_NO_MCP: Final = "No MCP server is allowed. Set `mcp.allowed`."
_NO_EMBEDDER: Final = "Only words are compared well. Run `pip install 'understudy[embed]'`, or set `embeddings.model`."

_NO_PROVIDER: Final = "No provider is configured, so the embedded model answers. Add a table `[providers.NAME]`."


@operations.add(
    "getSession",
    "GET",
    "/session",
    summary="Retrieve the project, key, limits and features of a request. An extension of the hosted API.",
    response=SessionObject,
)
async def get_session(request: Request) -> Response:
    parts, principal = parts_of(request), principal_of(request)
    person, key, project = principal.person, None, None
    if person is None:
        found = await parts.store.keys.find(principal.key_id)
        if found is None:
            raise project_not_found(principal.project_id)
        record, project_name = found
        key, project = await render_key(parts, record), SessionProject(id=principal.project_id, name=project_name)
    elif principal.project_id:
        name = (await parts.store.projects.get(principal.project_id)).name
        project = SessionProject(id=principal.project_id, name=name)
    user = None if person is None else await _render_user(parts, person)
    account = await parts.accounting.account(principal.project_id)
    return struct_response(
        SessionObject(
            version=__version__,
            project=project,
            key=key,
            user=user,
            balance=SessionBalance(is_limited=account.budgeted, amount=usd(account.balance), is_low=account.low),
            features=_list_features(parts, await parts.health.examine()),
            limits=SessionLimits(
                body_bytes=parts.settings.limits.body_bytes,
                file_bytes=parts.settings.limits.file_bytes,
                upload_bytes=parts.settings.limits.upload_bytes,
                import_bytes=parts.settings.limits.import_bytes,
            ),
            retention=SessionRetention(
                run_events_seconds=parts.settings.limits.log_retention, videos_days=parts.settings.video.keep_days
            ),
        )
    )


async def _render_user(parts: Parts, person: Person) -> SessionUser:
    """An owner of the organization may choose every project."""
    user = await parts.store.users.get(person.user_id)
    projects = [SessionUserProject(id=one.project_id, name=one.project_name, role=one.role) for one in user.projects]
    if person.is_owner:
        listed = await parts.store.projects.list()
        projects = [
            SessionUserProject(id=one.id, name=one.name, role="owner") for one in listed if one.archived_at is None
        ]
    return SessionUser(id=user.id, name=user.name, email=user.email or None, role=user.role, projects=projects)


def _list_features(parts: Parts, health: HealthObject) -> SessionFeatures:
    sandbox = health.sandbox
    is_semantic = health.embedder.successor is not None or health.embedder.name != BUILTIN
    return SessionFeatures(
        # Without a sandbox of its own, a server leaves code to workers.
        code_interpreter=_ON if sandbox is None else Feature(available=sandbox.available, reason=sandbox.problem),
        mcp=_feature(None if parts.settings.mcp.allowed else _NO_MCP),
        videos=_feature(parts.videos.problem()),
        semantic_search=_feature(None if is_semantic else _NO_EMBEDDER),
        providers=_feature(None if parts.settings.providers else _NO_PROVIDER),
    )


def _feature(reason: str | None) -> Feature:
    return _ON if reason is None else Feature(available=False, reason=reason)
