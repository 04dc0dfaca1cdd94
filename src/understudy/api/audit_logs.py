"""The audit log over HTTP, for admin keys."""

from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from understudy.api.operations import OperationGroup
from understudy.api.parts import parts_of
from understudy.api.requests import list_response
from understudy.errors import InvalidRequest
from understudy.store.audit_logs import AuditFilter
from understudy.store.pages import PageRequest
from understudy.wire import queries
from understudy.wire.organization import AuditLogList, ListAuditLogsQuery

operations = OperationGroup("Administration", audience="admin")


@operations.add(
    "list-audit-logs",
    "GET",
    "/organization/audit_logs",
    summary="List who changed keys, projects and limits, newest first.",
    query=ListAuditLogsQuery,
    response=AuditLogList,
)
async def list_audit_logs(request: Request) -> Response:
    query = queries.parse(request.scope["query_string"], ListAuditLogsQuery)
    chosen = AuditFilter(
        tuple(query.event_types),
        tuple(query.project_ids),
        tuple(query.actor_ids),
        tuple(query.actor_emails),
        tuple(query.resource_ids),
        tuple((sign, _parse_seconds(sign, text)) for sign, text in query.effective_at.items()),
    )
    page = PageRequest(query.limit, "desc", query.after, query.before)
    return list_response(await parts_of(request).store.audit_logs.page(page, chosen))


def _parse_seconds(sign: Literal["gt", "gte", "lt", "lte"], text: str) -> int:
    if not text.isdecimal() or len(text) > 12:
        raise InvalidRequest(
            f"Invalid 'effective_at[{sign}]': {text[:40]!r}. Use Unix seconds.",
            param=f"effective_at[{sign}]",
            code="invalid_value",
        )
    return int(text)
