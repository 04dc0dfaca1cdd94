"""Every list of every request has a bound, and so has every text that has one in the hosted API's document."""

import pytest

from understudy.api.openapi import build_document
from understudy.api.routes import OPERATIONS

SCHEMAS = build_document(OPERATIONS, "1.2.3")["components"]["schemas"]

# Figures of the hosted API's document. `[]` is an item of a list, `{}` a member of a map.
LENGTHS = {
    "CreateAssistantRequest.name": 256,
    "CreateAssistantRequest.description": 512,
    "CreateAssistantRequest.instructions": 256_000,
    "ModifyAssistantRequest.instructions": 256_000,
    "CreateAssistantRequest.metadata{}": 512,
    "CreateThreadRequest.metadata{}": 512,
    "CreateVectorStoreFileBatchRequest.attributes{}": 512,
    "CreateResponseRequest.input": 10_485_760,
    "CreateResponseRequest.safety_identifier": 64,
    "CompactRequest.input": 10_485_760,
    "CountTokensRequest.input": 10_485_760,
}
COUNTS = {
    "CreateAssistantRequest.tools": 128,
    "CodeInterpreterResources.file_ids": 20,
    "FileSearchResources.vector_store_ids": 1,
    "FileSearchResourcesCreate.vector_stores": 1,
    "CreateEmbeddingRequest.input": 2048,
    "CreateVectorStoreRequest.file_ids": 500,
    "CreateVectorStoreFileBatchRequest.file_ids": 2000,
    "CreateVectorStoreFileBatchRequest.files": 2000,
    "CreateConversationRequest.items": 20,
    "CreateConversationItemsRequest.items": 20,
    "AutoContainer.file_ids": 50,
}


def requests():
    for operation in OPERATIONS:
        for given in (operation.request, operation.or_form):
            for kind in given if isinstance(given, tuple) else (given,):
                if isinstance(kind, dict):
                    yield operation.id, kind
                elif kind is not None:
                    yield kind.__name__, {"$ref": f"#/components/schemas/{kind.__name__}"}


def walked(schema, path, seen=frozenset()):
    """Every schema inside of one, each with its path: the innermost object's name and what leads on from there."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name not in seen:
            yield from walked(SCHEMAS[name], name, seen | {name})
        return
    yield path, schema
    for name, member in schema.get("properties", {}).items():
        yield from walked(member, f"{path}.{name}", seen)
    for word in ("anyOf", "oneOf", "allOf"):
        for option in schema.get(word, ()):
            yield from walked(option, path, seen)
    if "items" in schema:
        yield from walked(schema["items"], f"{path}[]", seen)
    if isinstance(schema.get("additionalProperties"), dict):
        yield from walked(schema["additionalProperties"], f"{path}{{}}", seen)


FOUND = [found for name, schema in requests() for found in walked(schema, name)]


def largest(path, word):
    return {schema[word] for found, schema in FOUND if found == path and word in schema}


def test_every_list_of_every_request_has_a_bound():
    lists = {path for path, schema in FOUND if schema.get("type") == "array"}
    assert len(lists) > 50
    assert sorted(path for path, schema in FOUND if schema.get("type") == "array" and "maxItems" not in schema) == []


def test_every_map_of_every_request_has_a_bound_where_its_values_have_a_type():
    maps = [
        (path, schema)
        for path, schema in FOUND
        if isinstance(schema.get("additionalProperties"), dict) and "properties" not in schema
    ]
    assert len(maps) > 5
    assert sorted(path for path, schema in maps if "maxProperties" not in schema) == []


@pytest.mark.parametrize(("path", "length"), LENGTHS.items())
def test_a_text_has_the_bound_of_the_hosted_api(path, length):
    assert largest(path, "maxLength") == {length}


@pytest.mark.parametrize(("path", "count"), COUNTS.items())
def test_a_list_has_the_bound_of_the_hosted_api(path, count):
    assert largest(path, "maxItems") == {count}
