"""A pytest plugin for OGX's integration tests: its clients call the server under test, with its key.

The tests take their clients from fixtures that know OGX's own server and no key, read members that only its models have,
name an embedding model for each vector store, and start MCP servers, here on ports that the server allows. Loaded by the
Python that runs them.
"""

import os
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle
from types import SimpleNamespace
from typing import Any

from openai import OpenAI

_TIMEOUT = 60
_PROVIDER = "openai"


class _Client(OpenAI):
    """`providers` and `models` list what OGX's fixtures look for: one provider of models, with their names there."""

    @property
    def providers(self) -> Any:
        provider = SimpleNamespace(api="inference", provider_id=_PROVIDER, provider_type=f"remote::{_PROVIDER}")
        return SimpleNamespace(list=lambda: [provider])

    @property
    def models(self) -> Any:
        listed = super().models
        return SimpleNamespace(list=lambda: _describe(listed.list()), retrieve=listed.retrieve)

    @property
    def vector_stores(self) -> Any:
        stores = super().vector_stores
        stores.create = partial(_create_store, stores.create)
        return stores


def _describe(models: Any) -> Iterator[Any]:
    for model in models:
        model.custom_metadata = {"provider_resource_id": model.id, "provider_id": _PROVIDER, "model_type": "llm"}
        yield model


def _create_store(create: Callable[..., Any], *, extra_body: Any = None, **members: Any) -> Any:
    return create(**members)


def pytest_collection_finish(session: Any) -> None:
    from tests.integration.fixtures import common

    common.instantiate_ogx_client = _connect
    common.OpenAI = _connect
    ports = cycle(int(port) for port in os.environ["SUITE_MCP_PORTS"].split(","))
    for module in {item.module for item in session.items if hasattr(item.module, "make_mcp_server")}:
        module.make_mcp_server = partial(_make_server, module.make_mcp_server, ports)


def _make_server(make: Callable[..., Any], ports: Iterator[int], *values: Any, **members: Any) -> Any:
    return make(*values, **{"port": next(ports), **members})


def _connect(*_: Any, **__: Any) -> OpenAI:
    return _Client(
        base_url=os.environ["SUITE_BASE_URL"], api_key=os.environ["SUITE_API_KEY"], max_retries=0, timeout=_TIMEOUT
    )
