"""An OTLP/HTTP collector on a real socket: decodes the spans that a server exports.

with Collector() as collector:
    collector.url                          # for `[tracing] endpoint`
    collector.wait_for("invoke_agent")     # the span of that name, once it has arrived
"""

import gzip
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from waiting import eventually


@dataclass(frozen=True)
class CollectedSpan:
    """Ids are hexadecimal; `service` is that of the resource."""

    name: str
    kind: int
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, Any]
    failed: bool
    service: str


class Collector:
    def __init__(self) -> None:
        self.spans: list[CollectedSpan] = []
        self.headers: list[dict[str, str]] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                collector._add(ExportTraceServiceRequest.FromString(body))
                collector.headers.append({name.lower(): value for name, value in self.headers.items()})
                self.send_response(200)
                self.send_header("content-type", "application/x-protobuf")
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def find(self, name: str, **attributes: Any) -> list[CollectedSpan]:
        """The spans whose name begins so, and which have these attributes (`__` stands for a full stop)."""
        wanted = {key.replace("__", "."): value for key, value in attributes.items()}
        return [
            span
            for span in list(self.spans)
            if span.name.startswith(name) and wanted.items() <= span.attributes.items()
        ]

    def wait_for(self, name: str, **attributes: Any) -> CollectedSpan:
        """The first such span, once it has arrived."""
        return eventually(lambda: self.find(name, **attributes))[0]

    def _add(self, request: ExportTraceServiceRequest) -> None:
        for group in request.resource_spans:
            resource = _to_dict(group.resource.attributes)
            for scope in group.scope_spans:
                self.spans += [
                    CollectedSpan(
                        span.name,
                        span.kind,
                        span.trace_id.hex(),
                        span.span_id.hex(),
                        span.parent_span_id.hex(),
                        _to_dict(span.attributes),
                        span.status.code == span.status.STATUS_CODE_ERROR,
                        resource["service.name"],
                    )
                    for span in scope.spans
                ]


def _to_dict(attributes: Any) -> dict[str, Any]:
    return {one.key: _to_value(one.value) for one in attributes}


def _to_value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    return [_to_value(one) for one in value.array_value.values] if kind == "array_value" else getattr(value, kind)
