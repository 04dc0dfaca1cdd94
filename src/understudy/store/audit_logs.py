"""The audit log: who changed what. An entry is added in the transaction of its change, and never changed or deleted.

Source of the members: the hosted API's audit logs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from understudy import ids
from understudy.store.database import Database, Transaction
from understudy.store.pages import Page, PageRequest, PageSource, read_page
from understudy.store.sql import SqlArguments, compose_sql

EventType = Literal[
    "api_key.created",
    "api_key.updated",
    "api_key.deleted",
    "project.created",
    "project.updated",
    "project.archived",
    "service_account.created",
    "service_account.updated",
    "service_account.deleted",
    "user.added",
    "user.updated",
    "user.deleted",
    "invite.sent",
    "invite.accepted",
    "invite.deleted",
    "login.succeeded",
    "login.failed",
    "logout.succeeded",
    "rate_limit.updated",
    "organization.updated",
    "understudy.credits.granted",
    "understudy.settings.reloaded",
]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who makes a change: an admin key, or a person in the console or at the command line (`kind` is `session`)."""

    kind: Literal["api_key", "session"]
    id: str
    address: str = ""
    email: str = ""

    def to_member(self) -> dict[str, Any]:
        """The member `actor` of an entry."""
        if self.kind == "api_key":
            return {"type": "api_key", "api_key": {"id": self.id, "type": "user", "user": {"id": OPERATOR.id}}}
        user = {"id": self.id, "email": self.email} if self.email else {"id": self.id}
        return {"type": "session", "session": {"user": user, "ip_address": self.address}}


OPERATOR = Actor("session", "user-operator")
"""The user of the command line on the server's machine."""


@dataclass(frozen=True, slots=True)
class Change:
    """Who makes a change, and when, in Unix seconds."""

    actor: Actor
    now: int


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """An entry matches if each set member has its value. `bounds` are pairs of a comparison and Unix seconds."""

    types: tuple[str, ...] = ()
    project_ids: tuple[str, ...] = ()
    actor_ids: tuple[str, ...] = ()
    actor_emails: tuple[str, ...] = ()
    resource_ids: tuple[str, ...] = ()
    bounds: tuple[tuple[Literal["gt", "gte", "lt", "lte"], int], ...] = ()


class AuditLogs:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self, change: Change, type_: EventType, resource_id: str, details: Mapping[str, Any], project_id: str | None
    ) -> None:
        """Adds the entry of a change that has no transaction of its own in this package."""
        await self._database.write(insert_entry, change, type_, resource_id, details, project_id)

    async def page(self, request: PageRequest, chosen: AuditFilter) -> Page:
        """Newest first. Raises InvalidRequest for an unknown cursor."""
        return await self._database.scan(_page_entries, request, chosen)


def insert_entry(
    change: Change, type_: EventType, resource_id: str, details: Mapping[str, Any], project_id: str | None = None
) -> Transaction[None]:
    """`details` is the member that is named like the type, without its `id`; it must have no secret."""
    rows = [] if project_id is None else (yield "SELECT name FROM projects WHERE id = $1", (project_id,))
    entry: dict[str, Any] = {"id": ids.audit_log(), "type": type_, "effective_at": change.now}
    if project_id is not None:
        entry["project"] = {"id": project_id, "name": rows[0][0] if rows else ""}
    entry |= {"actor": change.actor.to_member(), type_: {"id": resource_id, **details}}
    sql = (
        "INSERT INTO audit_logs (id, effective_at, type, project_id, actor_id, resource_id, body)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)"
    )
    body = msgspec.json.encode(entry).decode()
    yield sql, (entry["id"], change.now, type_, project_id, change.actor.id, resource_id, body)


_SIGNS: Mapping[str, Literal[">", ">=", "<", "<="]] = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def _page_entries(request: PageRequest, chosen: AuditFilter) -> Transaction[Page]:
    arguments = SqlArguments([""])
    conditions = [
        compose_sql(column, "IN (", arguments.bind_all(values), ")")
        for column, values in (
            ("type", chosen.types),
            ("project_id", chosen.project_ids),
            ("actor_id", chosen.actor_ids),
            ("resource_id", chosen.resource_ids),
        )
        if values
    ]
    if chosen.actor_emails:
        emails = arguments.bind_all([email.lower() for email in chosen.actor_emails])
        conditions.append(compose_sql("actor_id IN (SELECT id FROM users WHERE email IN (", emails, "))"))
    conditions += [compose_sql("effective_at", _SIGNS[sign], arguments.bind(at)) for sign, at in chosen.bounds]
    source = PageSource("audit_logs", "'' = $1", " AND ".join(["body IS NOT NULL", *conditions]), len(arguments.values))
    return (yield from read_page(source, arguments.values, request))
