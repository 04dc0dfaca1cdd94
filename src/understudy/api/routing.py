"""Finds the handler of a request by its path and method. Knows no operation.

Starlette's router compares a path with one route after another, of which this API has more than a hundred. Here a
request meets those of its own shape: the first segment, the number of segments, and the last one unless a parameter.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from understudy.api.access import NO_REQUIREMENT, Requirement
from understudy.api.operations import Handler
from understudy.errors import MethodNotAllowed, NotFound

_Shape = tuple[str, int, str | None]


@dataclass(frozen=True, slots=True)
class Target:
    """The handler of a method of a path, the id of its operation, and what a key needs for it."""

    handler: Handler
    operation_id: str
    requirement: Requirement = NO_REQUIREMENT


@dataclass(frozen=True, slots=True)
class _Endpoint:
    """A path with its targets by method. `literals` and `parameters` are segments of the path by their positions.

    `pattern` is set where a parameter may contain slashes, so that segments have no fixed positions.
    """

    template: str
    literals: tuple[tuple[int, str], ...]
    parameters: tuple[tuple[int, str], ...]
    pattern: re.Pattern[str] | None
    targets: dict[str, Target]

    @property
    def last(self) -> str | None:
        """The last segment of every path that matches; None if it is a parameter."""
        segment = self.template.rpartition("/")[2]
        return None if segment.startswith("{") else segment

    def match(self, path: str, segments: list[str]) -> dict[str, str] | None:
        """The parameters of a path with as many segments; None if it is another path."""
        if self.pattern is not None:
            match = self.pattern.match(path)
            return None if match is None else match.groupdict()
        for position, literal in self.literals:
            if segments[position] != literal:
                return None
        values = {name: segments[position] for position, name in self.parameters}
        return None if "" in values.values() else values


class RouteTable:
    """Dispatches every HTTP request. Raises NotFound for an unknown path, MethodNotAllowed for a known one."""

    def __init__(self, targets: Iterable[tuple[str, Mapping[str, Target]]], apps: Mapping[str, ASGIApp]) -> None:
        """Paths in the router's syntax with their targets by method; the first that matches a request counts.

        `apps` have a path of their own.
        """
        endpoints = [_build_endpoint(path, by_method) for path, by_method in targets]
        self._apps = apps
        self._by_shape = _group_by_shape(endpoints)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (app := self._apps.get(scope["path"])) is not None:
            await app(scope, receive, send)
            return
        target, path_params = self._find_target(scope)
        scope["path_params"] = path_params
        state = scope["state"]
        state["operation"] = target.operation_id
        if (principal := state.get("principal")) is not None:
            target.requirement.check(principal, path_params)
        response = await target.handler(Request(scope, receive, send))
        await response(scope, receive, send)

    def _find_target(self, scope: Scope) -> tuple[Target, dict[str, str]]:
        """The target, and the path's parameters by name."""
        path: str = scope["path"]
        segments = path.split("/")
        allowed: dict[str, Target] = {}
        for endpoint in self._list_endpoints(segments):
            values = endpoint.match(path, segments)
            if values is None:
                continue
            target = endpoint.targets.get(scope["method"])
            if target is not None:
                scope["route_template"] = endpoint.template
                return target, values
            allowed = allowed or endpoint.targets
        if allowed:
            raise _not_allowed_error(scope, allowed)
        raise NotFound(f"Invalid URL ({scope['method']} {scope['state']['path']})")

    def _list_endpoints(self, segments: list[str]) -> Sequence[_Endpoint]:
        count, last = len(segments), segments[-1]
        first = segments[1] if count > 1 else ""
        for shape in ((first, count, last), (first, count, None), (first, 0, None)):
            if (endpoints := self._by_shape.get(shape)) is not None:
                return endpoints
        return ()


def _build_endpoint(path: str, by_method: Mapping[str, Target]) -> _Endpoint:
    segments = list(enumerate(path.split("/")))
    return _Endpoint(
        template=re.sub(r":\w+}", "}", path),
        literals=tuple((position, segment) for position, segment in segments if not segment.startswith("{")),
        parameters=tuple((position, segment[1:-1]) for position, segment in segments if segment.startswith("{")),
        pattern=compile_path(path)[0] if ":path}" in path else None,
        targets=_with_head(by_method),
    )


def _group_by_shape(endpoints: Iterable[_Endpoint]) -> dict[_Shape, list[_Endpoint]]:
    """The endpoints that a path of a shape may have, in their order. Most shapes have one.

    Those with a pattern match any number of segments, for which 0 stands; they come last.
    """
    groups: dict[tuple[str, int], list[_Endpoint]] = {}
    for endpoint in endpoints:
        segments = endpoint.template.split("/")
        groups.setdefault((segments[1], 0 if endpoint.pattern else len(segments)), []).append(endpoint)
    by_shape: dict[_Shape, list[_Endpoint]] = {}
    for (first, count), group in groups.items():
        others = groups.get((first, 0), []) if count else []
        for last in {endpoint.last for endpoint in group}:
            by_shape[first, count, last] = [one for one in group if one.last in {last, None}] + others
    return by_shape


def _not_allowed_error(scope: Scope, allowed: Iterable[str]) -> MethodNotAllowed:
    return MethodNotAllowed(
        f"Not allowed to {scope['method']} on {scope['state']['path']}"
        " (HINT: Perhaps you meant to use a different HTTP method?)",
        headers={"allow": ", ".join(allowed)},
    )


def _with_head(targets: Mapping[str, Target]) -> dict[str, Target]:
    """A HEAD request is handled as a GET; the connection leaves out the body."""
    return {**targets, "HEAD": targets["GET"]} if "GET" in targets else dict(targets)
