"""`/metrics` for Prometheus: beside the API with an admin key or a token, and on an address of its own."""

import hmac
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from understudy.api.health import live
from understudy.api.parts import Parts, parts_of
from understudy.api.request_head import Fields, fields_of, find_key
from understudy.errors import StoreError, Unauthenticated

METRICS_PATH: Final = "/metrics"


def has_metrics_token(fields: Fields, token: str | None) -> bool:
    """Whether the key of the request is `metrics.token`. False for two different keys."""
    try:
        key = find_key(fields)
    except Unauthenticated:
        return False
    return token is not None and key is not None and hmac.compare_digest(key.encode(), token.encode())


async def get_metrics(request: Request) -> Response:
    """In the text format of Prometheus, or OpenMetrics if the request accepts it."""
    return await _render_metrics(parts_of(request), request)


async def _render_metrics(parts: Parts, request: Request) -> Response:
    body, content_type = await parts.metrics.scrape(request.headers.get("accept", ""))
    return Response(body, headers={"content-type": content_type, "cache-control": "no-store"})


def build_metrics_app(parts: Parts) -> Starlette:
    """The application of the second address: metrics and health, for processes without an API as well."""

    async def get_guarded_metrics(request: Request) -> Response:
        token = parts.settings.metrics.token
        if token is not None and not has_metrics_token(fields_of(request.scope), token):
            return Response("`metrics.token` is required.\n", 401, {"www-authenticate": "Bearer"})
        return await _render_metrics(parts, request)

    async def get_readiness(_: Request) -> Response:
        """503 without the database."""
        try:
            await parts.store.database.ready()
        except StoreError:
            return Response('{"status":"unavailable"}', 503, media_type="application/json")
        status = "ok" if parts.broker.is_available else "degraded"
        return Response(f'{{"status":"{status}"}}', media_type="application/json")

    return Starlette(
        routes=[
            Route(METRICS_PATH, get_guarded_metrics),
            Route("/health/live", live),
            Route("/health/ready", get_readiness),
            Route("/health", get_readiness),
        ]
    )
