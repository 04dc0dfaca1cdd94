"""What a key or a person may do: the scopes that an operation requires, and whether it is for administrators.

A scope is `api.RESOURCE.read` or `api.RESOURCE.write`, which includes reading; `model.request` is for calling models,
and `api.all.read` is every reading. Source of the spelling: the hosted API's scopes of keys.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from understudy.errors import InvalidRequest, PermissionDenied, Unauthenticated
from understudy.errors.objects import project_needed
from understudy.store.principals import Principal
from understudy.store.roles import Person

Audience = Literal["project", "admin", "any"]
"""The keys that may call an operation: those of projects, admin keys, or both."""

READ_ALL: Final = "api.all.read"
MODEL_REQUEST: Final = "model.request"
MANAGEMENT: Final = "api.management"

# The resource of a path is its first segment, unless it has another name here.
_RESOURCES: Final = {
    "runs": "threads",
    "imports": "transfers",
    "exports": "transfers",
    "deletions": "transfers",
    "uploads": "files",
    "file_downloads": "files",
    "model": "models",
    "batches": "batch",
    "conversations": "responses",
    "prompts": "responses",
    "billing": "usage",
    "organization": "usage",
    "luma-ai": "videos",
    "dream-machine": "videos",
    "video": "videos",
    "generate": "videos",
    "generations": "videos",
    "webhook_endpoints": "webhooks",
    "webhook_event_types": "webhooks",
    "webhook_deliveries": "webhooks",
    "toolkits": "tools",
}
RESOURCES: Final = (
    "assistants",
    "batch",
    "chat",
    "containers",
    "events",
    "files",
    "keys",
    "models",
    "responses",
    "threads",
    "tools",
    "transfers",
    "usage",
    "vector_stores",
    "videos",
    "webhooks",
)
SCOPES: Final = frozenset(
    {READ_ALL, MODEL_REQUEST, *(f"api.{resource}.{access}" for resource in RESOURCES for access in ("read", "write"))}
)
_PREFIXES: Final = ("/api/v3", "/v2")
_MODEL_REQUESTS: Final = frozenset(
    {"createChatCompletion", "createCompletion", "createEmbedding", "createAnthropicMessage"}
    | {"createImage", "createImageEdit", "createImageVariation", "createModeration"}
    | {"createSpeech", "createTranscription", "createTranslation", "createTts", "createStt"}
    | {"createSttTask", "getSttTask"}
    | {"create-realtime-client-secret", "create-realtime-session", "create-realtime-transcription-session"}
)
_READING_POSTS: Final = frozenset(
    {"searchVectorStore", "createFileDownloadLink", "createExportDownloadLink", "getInputTokenCounts"}
    | {"countAnthropicMessageTokens", "getToolkits"}
)
_BATCHES: Final = frozenset({"createBatch", "createMessageBatch"})
# An owner of a project administers its users and keys, and reads all of its administration.
_OF_PROJECT_OWNERS: Final = re.compile(
    # Limits are set by the owners of the organization, those of keys too.
    r"(?!.*/limits$)(?:/organization/projects/\{project_id\}/(?:users|api_keys|service_accounts)(?:/|$)"
    r"|/projects/\{project_id\}/)"
)
_IN_PROJECT: Final = re.compile(r"/organization/projects/\{project_id\}(?:/|$)")
NO_PARAMETERS: Final[Mapping[str, str]] = {}
# Every key may see what it is.
_OPEN: Final = frozenset({"getCurrentKey", "getSession"})


@dataclass(frozen=True, slots=True)
class Requirement:
    """A key of a project needs all of `scopes`, unless it has no restriction.

    A person needs a project, or for administration to own the organization; with `for_project_owners`, to own the
    project that the path names. With `is_open`, nothing is needed.
    """

    audience: Audience = "project"
    scopes: tuple[str, ...] = ()
    for_project_owners: bool = False
    is_open: bool = False

    def check(self, principal: Principal, path_params: Mapping[str, str] = NO_PARAMETERS) -> None:
        """Raises Unauthenticated or PermissionDenied with the scopes that are missing."""
        if principal.person is not None:
            self._check_person(principal, principal.person, path_params)
        elif principal.is_admin:
            if self.audience == "project":
                raise Unauthenticated(_missing_scopes(self.scopes), code="missing_scope")
        elif self.audience == "admin":
            raise Unauthenticated(_missing_scopes(self.scopes), code="missing_scope")
        elif principal.scopes is not None:
            granted = principal.scopes
            if missing := [scope for scope in self.scopes if not _includes(granted, scope)]:
                raise PermissionDenied(_missing_scopes(missing), code="missing_scope")

    def _check_person(self, principal: Principal, person: Person, path_params: Mapping[str, str]) -> None:
        if self.audience == "admin":
            owns_project = self.for_project_owners and path_params.get("project_id") in person.owned_projects
            if not person.is_owner and not owns_project:
                raise PermissionDenied(_missing_scopes(self.scopes), code="missing_scope")
        elif not principal.project_id and not self.is_open and not (self.audience == "any" and person.is_owner):
            raise project_needed()


NO_REQUIREMENT: Final = Requirement(is_open=True)
METRICS_REQUIREMENT: Final = Requirement("admin", (f"{MANAGEMENT}.read",))
MODEL_REQUIREMENT: Final = Requirement(scopes=(MODEL_REQUEST,))


def find_requirement(operation_id: str, method: str, path: str, audience: Audience) -> Requirement:
    """What an operation requires; `path` is relative to its base."""
    access = "read" if method == "GET" or operation_id in _READING_POSTS else "write"
    if audience == "admin":
        is_delegated = _OF_PROJECT_OWNERS.match(path) is not None or (access == "read" and _IN_PROJECT.match(path))
        return Requirement(audience, (f"{MANAGEMENT}.{access}",), for_project_owners=bool(is_delegated))
    if operation_id in _OPEN:
        return Requirement(audience, is_open=True)
    if operation_id in _MODEL_REQUESTS:
        return Requirement(audience, (MODEL_REQUEST,))
    scopes = (f"api.{_find_resource(path)}.{access}",)
    return Requirement(audience, (*scopes, MODEL_REQUEST) if operation_id in _BATCHES else scopes)


def check_scopes(scopes: list[str]) -> tuple[str, ...] | None:
    """The scopes of a key's request; an empty list is all. Raises InvalidRequest for an unknown one."""
    for number, scope in enumerate(scopes):
        if scope not in SCOPES:
            raise InvalidRequest(
                f"Invalid 'scopes[{number}]': {scope!r} is not a scope. Scopes are {', '.join(sorted(SCOPES))}.",
                param=f"scopes[{number}]",
                code="invalid_value",
            )
    return tuple(dict.fromkeys(scopes)) or None


def _find_resource(path: str) -> str:
    for prefix in _PREFIXES:
        path = path.removeprefix(prefix)
    segments = path.split("/")
    if segments[1] == "messages":
        return "batch"
    return _RESOURCES.get(segments[1], segments[1])


def _includes(granted: frozenset[str], scope: str) -> bool:
    if scope in granted:
        return True
    if not scope.endswith(".read"):
        return False
    return READ_ALL in granted or f"{scope.removesuffix('.read')}.write" in granted


def _missing_scopes(scopes: "tuple[str, ...] | list[str]") -> str:
    return f"You have insufficient permissions for this operation. Missing scopes: {', '.join(scopes)}."
