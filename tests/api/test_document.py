"""The OpenAPI document that clients are generated from."""

import json

import jsonschema
import pytest
from starlette.routing import compile_path

from hosted import ASSISTANTS_API
from understudy import __version__
from understudy.api.member_texts import MEMBER_TEXTS
from understudy.api.openapi import build_document, encode_document
from understudy.api.routes import OPERATIONS

PAGE = ["limit", "order", "after", "before"]

DOCUMENT = build_document(OPERATIONS, "1.2.3")
DESCRIBED = {
    operation["operationId"]: (method, path, operation)
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
    if method != "servers"
}


def query_names(operation_id):
    return [p["name"] for p in DESCRIBED[operation_id][2]["parameters"] if p["in"] == "query"]


def schema_of(content):
    return content["application/json"]["schema"].get("$ref", "").removeprefix("#/components/schemas/") or None


def validator(name):
    return jsonschema.Draft202012Validator(
        {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    )


def references(value):
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        yield from value.get("discriminator", {}).get("mapping", {}).values()
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from references(item)


@pytest.mark.parametrize("operation_id", ASSISTANTS_API)
def test_an_operation_of_the_assistants_api_keeps_its_name_path_and_types(operation_id):
    method, path, operation = DESCRIBED[operation_id]
    body = operation.get("requestBody")
    answer = operation["responses"]["200"]["content"]
    described = (method, path, body and schema_of(body["content"]), schema_of(answer))
    assert described == ASSISTANTS_API[operation_id]
    assert operation["tags"] == ["Assistants"]
    assert operation["deprecated"] is False


TRANSFERS = {
    *("createImport", "listImports", "retrieveImport", "cancelImport"),
    *("createExport", "listExports", "retrieveExport", "downloadExport", "cancelExport", "deleteExport"),
    "createExportDownloadLink",
    *("createDeletion", "listDeletions", "retrieveDeletion", "cancelDeletion"),
}


def test_the_assistants_tag_has_exactly_the_published_operations():
    tagged = {name for name, (_, _, operation) in DESCRIBED.items() if operation["tags"] == ["Assistants"]}
    assert tagged == {*ASSISTANTS_API}
    own = {name for name, (_, _, operation) in DESCRIBED.items() if operation["tags"] == ["Extensions"]}
    assert own == {
        "createFileDownloadLink",
        "downloadLinkedFile",
        "exportThread",
        *TRANSFERS,
        "branchConversation",
        "branchThread",
        "getAssistantReferences",
        "getFileReferences",
        "createProjectApiKey",
        "deleteProjectBudget",
        "getProjectCredits",
        "grantProjectCredits",
        "limitProjectCredits",
        "listProjectCreditEntries",
        "getOrganizationHealth",
        "getOrganizationHealthHistory",
        "getProjectApiKeyLimits",
        "getProjectLimits",
        "updateProjectApiKeyLimits",
        "updateProjectLimits",
        "getProjectRun",
        "getResponseTrace",
        "getRunContext",
        "getRunTrace",
        "getSession",
        "getSignInOptions",
        "getVectorStoreReferences",
        "listConversations",
        "listProjectRuns",
        "listProviders",
        "testProvider",
        "listResponses",
        "createPrompt",
        "createPromptVersion",
        "deletePrompt",
        "getPrompt",
        "getPromptVersion",
        "listPromptVersions",
        "listPrompts",
        "modifyPrompt",
        "listThreads",
        "listVectorStoreFileChunks",
        "rotateProjectApiKey",
        "signOut",
        "streamProjectEvents",
        "streamRunEvents",
    }


def test_every_row_of_the_table_is_described_once():
    assert sorted(DESCRIBED) == sorted(operation.id for operation in OPERATIONS)


@pytest.mark.parametrize(
    ("operation_id", "names"),
    [
        ("listAssistants", [*PAGE, "q", "metadata"]),
        ("listRuns", PAGE),
        ("listMessages", [*PAGE, "run_id", "q", "around"]),
        ("listRunSteps", [*PAGE, "include[]"]),
        ("listThreads", [*PAGE, "metadata", "q", "branched_from", "order_by", "include[]"]),
        ("createRun", ["include[]"]),
        ("getRunStep", ["include[]"]),
        ("getRun", []),
    ],
)
def test_the_query_of_an_operation_is_described(operation_id, names):
    assert query_names(operation_id) == names


def test_a_limit_documents_its_range_and_default():
    limit, order, *_ = (p for p in DESCRIBED["listAssistants"][2]["parameters"] if p["in"] == "query")
    assert limit["schema"] == {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}
    assert order["schema"] == {"type": "string", "enum": ["asc", "desc"], "default": "desc"}


@pytest.mark.parametrize("name", DESCRIBED)
def test_the_parameters_in_a_path_are_declared(name):
    _, path, operation = DESCRIBED[name]
    declared = [p["name"] for p in operation["parameters"] if p["in"] == "path"]
    assert [f"{{{parameter}}}" for parameter in declared] == [part for part in path.split("/") if part.startswith("{")]


@pytest.mark.parametrize("name", DESCRIBED)
def test_every_error_has_the_envelope_of_its_dialect(name):
    _, path, operation = DESCRIBED[name]
    kind = "Message" if operation["tags"] == ["Messages"] else "Toolkit" if path.startswith("/api/v3/") else ""
    assert operation["responses"]["default"] == {"$ref": f"#/components/responses/{kind}Error"}
    assert schema_of(DOCUMENT["components"]["responses"][f"{kind}Error"]["content"]) == f"{kind}ErrorResponse"


def test_streamable_operations_are_marked():
    streaming = {n for n, (_, _, o) in DESCRIBED.items() if "text/event-stream" in o["responses"]["200"]["content"]}
    runs = {"createRun", "createThreadAndRun", "submitToolOuputsToRun", "streamRunEvents", "streamProjectEvents"}
    chats = {"createChatCompletion", "createCompletion", "createAnthropicMessage", "createResponse", "getResponse"}
    relayed = {"createImage", "createImageEdit", "createSpeech", "createTranscription"}
    assert streaming == runs | chats | relayed


def test_only_requests_without_required_members_can_be_posted_without_a_body():
    optional = {
        n for n, (_, _, o) in DESCRIBED.items() if o.get("requestBody", {"required": True})["required"] is False
    }
    assert optional == {
        *("create-realtime-client-secret", "create-realtime-session", "create-realtime-transcription-session"),
        "createThread",
        "createConversation",
        "createExport",
        "executeTool",
        "getToolkits",
        "create-project-service-account-api-key",
        "rotateProjectApiKey",
    }


@pytest.mark.parametrize(("operation_id", "member"), [("createFile", "file"), ("addUploadPart", "data")])
def test_a_file_is_sent_in_a_form(operation_id, member):
    ((media_type, content),) = DESCRIBED[operation_id][2]["requestBody"]["content"].items()
    assert media_type == "multipart/form-data"
    schema = DOCUMENT["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
    assert schema["properties"][member].items() >= {"type": "string", "format": "binary"}.items()
    assert member in schema["required"]


def test_the_content_of_a_file_is_bytes_of_any_type():
    answer = DESCRIBED["downloadFile"][2]["responses"]["200"]["content"]
    assert answer == {"*/*": {"schema": {"type": "string", "format": "binary"}}}


def test_health_is_outside_of_the_version_and_needs_no_key():
    _, path, operation = DESCRIBED["getReadiness"]
    assert DOCUMENT["paths"][path]["servers"] == [{"url": "/"}]
    assert operation["security"] == []
    assert DOCUMENT["security"] == [{"ApiKeyAuth": []}]


def test_no_path_is_matched_by_the_route_of_another_one_before_it():
    paths = list(dict.fromkeys(operation.path for operation in OPERATIONS))
    patterns = [compile_path(path)[0] for path in paths]
    samples = [path.replace(":path", "").replace("{", "").replace("}", "") for path in paths]
    first_matches = [next(i for i, pattern in enumerate(patterns) if pattern.match(sample)) for sample in samples]
    assert [paths[i] for i in first_matches] == paths


def test_a_model_id_with_slashes_is_one_parameter():
    assert DESCRIBED["retrieveModel"][1] == "/models/{model}"
    assert next(o.path for o in OPERATIONS if o.id == "retrieveModel") == "/models/{model:path}"


def test_the_served_document_is_that_of_this_release():
    assert json.loads(encode_document(OPERATIONS)) == build_document(OPERATIONS, __version__)


def test_every_reference_resolves():
    for reference in references(DOCUMENT):
        target = DOCUMENT
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]


@pytest.mark.parametrize("name", DOCUMENT["components"]["schemas"])
def test_every_component_is_a_json_schema(name):
    jsonschema.Draft202012Validator.check_schema(DOCUMENT["components"]["schemas"][name])


@pytest.mark.parametrize(
    ("name", "body", "valid"),
    [
        ("CreateAssistantRequest", {"model": "m", "response_format": "auto", "tools": [{"type": "file_search"}]}, True),
        ("CreateAssistantRequest", {"model": "m", "zzz": 1}, False),
        ("CreateAssistantRequest", {"model": "m", "metadata": {"k": 1}}, False),
        ("CreateAssistantRequest", {"model": "m", "tools": [{"type": "function", "function": {"name": "a b"}}]}, False),
        ("ModifyAssistantRequest", {}, True),
        ("CreateMessageRequest", {"role": "user", "content": [{"type": "text", "text": "t"}]}, True),
        ("CreateMessageRequest", {"role": "user", "content": []}, False),
        ("ThreadObject", {"id": "t", "object": "thread", "created_at": 1, "metadata": {}, "tool_resources": {}}, True),
        ("ThreadObject", {"id": "t", "created_at": 1, "metadata": {}, "tool_resources": {}}, False),
    ],
)
def test_the_components_accept_what_the_api_accepts(name, body, valid):
    assert validator(name).is_valid(body) is valid


@pytest.mark.parametrize(
    ("operation", "event", "data"),
    [
        ("createRun", "thread.message.delta", "MessageDelta"),
        ("submitToolOuputsToRun", "thread.run.step.delta", "RunStepDelta"),
        ("createResponse", "response.output_text.delta", None),
    ],
)
def test_streams_are_described_event_by_event(operation, event, data):
    _, _, described = DESCRIBED[operation]
    streamed = described["responses"]["200"]["content"]["text/event-stream"]["schema"]["anyOf"]
    schemas = [DOCUMENT["components"]["schemas"][one["$ref"].rpartition("/")[2]] for one in streamed]
    names = {name: schema for schema in schemas for name in _event_names(schema)}
    if data is not None:
        assert names[event]["properties"]["data"]["$ref"].endswith(f"/{data}")
    else:
        assert {"delta", "item_id", "sequence_number"} <= names[event]["properties"].keys()


def _event_names(schema):
    """The names of the events that the schema describes."""
    name = schema["properties"].get("event") or schema["properties"]["type"]
    return name.get("enum") or [name.get("const") or name["default"]]


def test_every_member_is_described():
    members = [
        (name, value, f"{schema_name}.{name}")
        for schema_name, schema in DOCUMENT["components"]["schemas"].items()
        for name, value in schema.get("properties", {}).items()
    ]
    missing = [place for _, value, place in members if "description" not in value and "$ref" not in value]
    assert missing == [], "add a line to src/understudy/api/member_texts.txt"
    assert MEMBER_TEXTS.keys() <= {name for name, _, _ in members}


def test_limits_are_set_by_owners_of_the_organization_alone():
    for_project_owners = {one.id for one in OPERATIONS if one.requirement.for_project_owners}
    assert {"updateProjectApiKey", "getProjectLimits", "getProjectApiKeyLimits"} <= for_project_owners
    assert not {"updateProjectLimits", "updateProjectApiKeyLimits", "update-project-rate-limits"} & for_project_owners
