"""Finds the handler of a request by its path and method. Knows no operation.

Starlette's router compares a path with one route after another, of which this API has more than a hundred. Here a
request meets only those that begin with the same segment.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.routing import BaseRoute, Match, compile_path
from starlette.types import Receive, Scope, Send

from understudy.api.access import NO_REQUIREMENT, Requirement
from understudy.api.operations import Handler
from understudy.errors import MethodNotAllowed, NotFound


@dataclass(frozen=True, slots=True)
class Target:
    """The handler of a method of a path, the id of its operation, and what a key needs for it."""

    handler: Handler
    operation_id: str
    requirement: Requirement = NO_REQUIREMENT


@dataclass(frozen=True, slots=True)
class _Endpoint:
    """`slashes` is their number in every path that matches; None where a parameter may contain some.

    `last` is the last segment of every path that matches; None if it is a parameter.
    """

    template: str
    pattern: re.Pattern[str]
    slashes: int | None
    last: str | None
    targets: dict[str, Target]


class RouteTable(BaseRoute):
    """Matches every request. Raises NotFound for an unknown path, MethodNotAllowed for a known one."""

    def __init__(self, targets: Iterable[tuple[str, Mapping[str, Target]]]) -> None:
        """Paths in the router's syntax with their targets by method; the first that matches a request counts."""
        self._by_segment: dict[str, list[_Endpoint]] = {}
        for path, by_method in targets:
            endpoint = _Endpoint(
                template=re.sub(r":\w+}", "}", path),
                pattern=compile_path(path)[0],
                slashes=None if ":path}" in path else path.count("/"),
                last=None if path.endswith("}") else _last_segment(path),
                targets=_with_head(by_method),
            )
            self._by_segment.setdefault(_first_segment(path), []).append(endpoint)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        return (Match.FULL if scope["type"] == "http" else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        target, scope["path_params"] = self._find(scope)
        state = scope.setdefault("state", {})
        state["operation"] = target.operation_id
        if (principal := state.get("principal")) is not None:
            target.requirement.check(principal, scope["path_params"])
        response = await target.handler(Request(scope, receive, send))
        await response(scope, receive, send)

    def _find(self, scope: Scope) -> tuple[Target, dict[str, Any]]:
        """The target, and the path's parameters by name."""
        path: str = scope["path"]
        slashes, last = path.count("/"), _last_segment(path)
        allowed: dict[str, Target] = {}
        for endpoint in self._by_segment.get(_first_segment(path), ()):
            # Most endpoints differ in these, which is compared faster than the pattern.
            if endpoint.slashes is not None and endpoint.slashes != slashes:
                continue
            if endpoint.last is not None and endpoint.last != last:
                continue
            match = endpoint.pattern.match(path)
            if match is None:
                continue
            target = endpoint.targets.get(scope["method"])
            if target is not None:
                scope["route_template"] = endpoint.template
                return target, match.groupdict()
            allowed = allowed or endpoint.targets
        if allowed:
            raise _not_allowed_error(scope, allowed)
        raise NotFound(f"Invalid URL ({scope['method']} {scope['state']['path']})")


def _not_allowed_error(scope: Scope, allowed: Iterable[str]) -> MethodNotAllowed:
    return MethodNotAllowed(
        f"Not allowed to {scope['method']} on {scope['state']['path']}"
        " (HINT: Perhaps you meant to use a different HTTP method?)",
        headers={"allow": ", ".join(allowed)},
    )


def _with_head(targets: Mapping[str, Target]) -> dict[str, Target]:
    """A HEAD request is handled as a GET; the connection leaves out the body."""
    return {**targets, "HEAD": targets["GET"]} if "GET" in targets else dict(targets)


def _last_segment(path: str) -> str:
    return path[path.rfind("/") + 1 :]


def _first_segment(path: str) -> str:
    return path[1:].partition("/")[0]
