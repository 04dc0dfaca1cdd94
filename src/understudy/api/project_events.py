"""The stream of a project's changes over HTTP: an extension of the hosted API."""

from starlette.requests import Request
from starlette.responses import Response

from understudy.api.event_stream import EventStream
from understudy.api.operations import EXTENSIONS, OperationGroup
from understudy.api.parts import parts_of, project_of
from understudy.wire import queries
from understudy.wire.project_events import ProjectEvent, ProjectEventsQuery

operations = OperationGroup(EXTENSIONS)


@operations.add(
    "streamProjectEvents",
    "GET",
    "/events",
    summary="Stream the changes of the project's runs, responses, batches and files of vector stores.",
    query=ProjectEventsQuery,
    response=ProjectEvent,
    streams=True,
)
async def stream_project_events(request: Request) -> Response:
    """Begins with `ready`; or with `reset`, if events since `starting_after` are missing. Ends with its client."""
    query = queries.parse(request.scope["query_string"], ProjectEventsQuery)
    after = query.starting_after or request.headers.get("last-event-id")
    events = parts_of(request).project_events
    return EventStream(request, await events.follow(project_of(request), after, query.types))
