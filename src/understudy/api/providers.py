"""The model providers of the settings: a list, and a test of each one's connection."""

from starlette.requests import Request
from starlette.responses import Response

from understudy.api.operations import EXTENSIONS, OperationGroup
from understudy.api.parts import parts_of, principal_of
from understudy.api.requests import struct_response
from understudy.wire.providers import ListProvidersResponse, ProviderTestObject

operations = OperationGroup("Providers")


@operations.add(
    "listProviders",
    "GET",
    "/organization/providers",
    summary="List the model providers of the settings.",
    response=ListProvidersResponse,
    tag=EXTENSIONS,
    audience="any",
)
async def list_providers(request: Request) -> Response:
    """The base URLs are for administrators only."""
    principal = principal_of(request)
    may_see_urls = principal.is_admin or (principal.person is not None and principal.person.is_owner)
    return struct_response(parts_of(request).providers.list(with_urls=may_see_urls))


@operations.add(
    "testProvider",
    "POST",
    "/organization/providers/{name}/test",
    summary="Test the connection to a model provider.",
    response=ProviderTestObject,
    tag=EXTENSIONS,
    audience="any",
)
async def test_provider(request: Request) -> Response:
    """A provider that fails is a result, not an error. Raises NotFound."""
    return struct_response(await parts_of(request).providers.test(request.path_params["name"]))
