"""An example of every operation of the API: what is sent, in an order in which each request finds its objects.

`record` sends them to a server with the embedded model and returns what the documentation shows. `{name}` in a path, a query
or a body is a value that an earlier response has left: `keep` names where it is.
"""

import json
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docs.blocks import ROOT
from e2e.uploads import field as text_field
from e2e.uploads import file_part, send
from serving import KEY, Server, serve
from understudy.api.routes import OPERATIONS
from user_sign_ins import sign_in
from waiting import eventually

STORED = ROOT / "docs" / "reference" / "examples.json"
_MAX_ITEMS = 3
_MAX_TEXT = 600


@dataclass(frozen=True)
class Example:
    """`keep` is the place of a value in the response by its name; `until` is a text to wait for in the response to a GET.

    `form` is a multipart form: texts, or a file's name and contents.
    """

    operation: str
    body: Any = None
    query: str = ""
    form: dict[str, Any] | None = None
    keep: dict[str, str] = field(default_factory=dict)
    until: str = ""
    status: int = 200


def json_lines(*values: Any) -> str:
    return "".join(f"{json.dumps(value)}\n" for value in values)


_HELLO = [{"role": "user", "content": "What is 6 * 7?"}]
_CHAT = {"model": "rehearsal", "messages": _HELLO}
_WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
_LINE = {"custom_id": "first", "method": "POST", "url": "/v1/chat/completions", "body": _CHAT}
_ID = {"id": "id"}

EXAMPLES: tuple[Example, ...] = (
    # Files first: others refer to them.
    Example(
        "createFile",
        form={"purpose": "assistants", "file": ("food.txt", "Travis likes pizza. Refunds take 14 days.")},
        keep={"file_id": "id"},
    ),
    Example("listFiles", query="limit=1"),
    Example("retrieveFile"),
    Example("downloadFile"),
    Example(
        "createUpload",
        {"filename": "food2.txt", "purpose": "assistants", "bytes": 19, "mime_type": "text/plain"},
        keep={"upload_id": "id"},
    ),
    Example("addUploadPart", form={"data": ("part", "Travis likes pasta.")}, keep={"part_id": "id"}),
    Example("completeUpload", {"part_ids": ["{part_id}"]}, keep={"second_file": "file.id"}),
    Example(
        "createUpload",
        {"filename": "food3.txt", "purpose": "assistants", "bytes": 19, "mime_type": "text/plain"},
        keep={"upload_id": "id"},
    ),
    Example("cancelUpload"),
    # Vector stores
    Example("createVectorStore", {"name": "Handbook"}, keep={"vector_store_id": "id"}),
    Example("createVectorStoreFile", {"file_id": "{file_id}", "attributes": {"year": 2026}}),
    Example("getVectorStoreFile", until=':"completed"'),
    Example("listVectorStores", query="limit=1"),
    Example("getVectorStore"),
    Example("modifyVectorStore", {"name": "Handbook 2026"}),
    Example("listVectorStoreFiles"),
    Example("updateVectorStoreFileAttributes", {"attributes": {"year": 2027}}),
    Example("retrieveVectorStoreFileContent"),
    Example("listVectorStoreFileChunks"),
    Example("searchVectorStore", {"query": "Who likes pizza?", "max_num_results": 1}),
    Example("getVectorStoreReferences"),
    Example("getFileReferences"),
    Example("createVectorStoreFileBatch", {"file_ids": ["{second_file}"]}, keep={"batch_id": "id"}),
    Example("getVectorStoreFileBatch", until=':"completed"'),
    Example("listFilesInVectorStoreBatch"),
    Example("createVectorStoreFileBatch", {"file_ids": ["{second_file}"]}, keep={"batch_id": "id"}),
    Example("cancelVectorStoreFileBatch"),
    # Assistants
    Example(
        "createAssistant",
        {
            "model": "rehearsal",
            "name": "Librarian",
            "instructions": "Answer from the handbook.",
            "tools": [{"type": "file_search"}, _WEATHER],
            "tool_resources": {"file_search": {"vector_store_ids": ["{vector_store_id}"]}},
        },
        keep={"assistant_id": "id"},
    ),
    Example("listAssistants", query="limit=1"),
    Example("getAssistant"),
    Example("modifyAssistant", {"name": "Chief librarian"}),
    Example("getAssistantReferences"),
    # Threads and messages
    Example("createThread", {"messages": _HELLO, "metadata": {"user": "ada"}}, keep={"thread_id": "id"}),
    Example("listThreads", query="limit=1&include[]=preview"),
    Example("getThread"),
    Example("modifyThread", {"metadata": {"user": "grace"}}),
    Example("createMessage", {"role": "user", "content": "My name is Ada."}, keep={"message_id": "id"}),
    Example("listMessages", query="limit=1&order=asc"),
    Example("getMessage"),
    Example("modifyMessage", {"metadata": {"reviewed": "yes"}}),
    Example("branchThread", {"after": "{message_id}"}),
    # Runs
    Example(
        "createRun",
        {"assistant_id": "{assistant_id}", "additional_instructions": "Be brief.", "tool_choice": "none"},
        keep={"run_id": "id"},
    ),
    Example("getRun", until=':"completed"'),
    Example("getProjectRun"),
    Example("listRuns", query="limit=1"),
    Example("listProjectRuns", query="limit=1&status[]=completed"),
    Example("modifyRun", {"metadata": {"user": "grace"}}),
    Example("listRunSteps", keep={"step_id": "data.0.id"}),
    Example("getRunStep"),
    Example("streamRunEvents"),
    Example("getRunTrace"),
    Example(
        "createRun",
        {"assistant_id": "{assistant_id}", "tool_choice": {"type": "function", "function": {"name": "get_weather"}}},
        keep={"run_id": "id"},
    ),
    Example(
        "getRun", until=':"requires_action"', keep={"call_id": "required_action.submit_tool_outputs.tool_calls.0.id"}
    ),
    Example("submitToolOuputsToRun", {"tool_outputs": [{"tool_call_id": "{call_id}", "output": "18 degrees"}]}),
    Example("getRun", until=':"completed"'),
    Example("createMessage", {"role": "user", "content": "And in Rome?"}),
    Example(
        "createRun",
        {"assistant_id": "{assistant_id}", "tool_choice": {"type": "function", "function": {"name": "get_weather"}}},
        keep={"run_id": "id"},
    ),
    Example("getRun", until=':"requires_action"'),
    Example("cancelRun"),
    Example("getRun", until=':"cancelled"'),
    Example(
        "createThreadAndRun",
        {"assistant_id": "{assistant_id}", "thread": {"messages": _HELLO}, "stream": True, "tools": []},
    ),
    # Chat
    Example("createChatCompletion", {**_CHAT, "store": True}, keep={"completion_id": "id"}),
    Example("getChatCompletion", until=':"stop"'),
    Example("listChatCompletions", query="limit=1"),
    Example("updateChatCompletion", {"metadata": {"user": "ada"}}),
    Example("getChatCompletionMessages"),
    Example("deleteChatCompletion"),
    Example("createCompletion", {"model": "rehearsal", "prompt": "What is 6 * 7?", "max_tokens": 16}),
    Example("createEmbedding", {"model": "rehearsal", "input": "pizza", "dimensions": 4}),
    Example("listModels"),
    Example("listModelsWithDetails"),
    Example("retrieveModel"),
    Example("getModel"),
    # Responses and conversations
    Example("createConversation", {"metadata": {"user": "ada"}}, keep={"conversation_id": "id"}),
    Example(
        "createConversationItems",
        {"items": [{"role": "user", "content": "My name is Ada."}]},
        keep={"item_id": "data.0.id"},
    ),
    Example(
        "createResponse",
        {"model": "rehearsal", "input": "Who am I?", "conversation": "{conversation_id}"},
        keep={"response_id": "id"},
    ),
    Example("getResponse"),
    Example("listResponses", query="limit=1"),
    Example("listInputItems"),
    Example(
        "createPrompt",
        {"name": "Translator", "model": "rehearsal", "instructions": "Translate into {{language}}."},
        keep={"prompt_id": "id"},
    ),
    Example(
        "createPromptVersion", {"instructions": "Translate into {{language}}, politely."}, keep={"version": "version"}
    ),
    Example("listPrompts", query="limit=1"),
    Example("getPrompt"),
    Example("modifyPrompt", {"default_version": "1"}),
    Example("listPromptVersions", query="limit=1"),
    Example("getPromptVersion"),
    Example("deletePrompt"),
    Example("getResponseTrace"),
    Example("getInputTokenCounts", {"model": "rehearsal", "input": "Who am I?"}),
    Example("Compactconversation", {"model": "rehearsal", "input": "Who am I?"}),
    Example("listConversations", query="limit=1"),
    Example("getConversation"),
    Example("updateConversation", {"metadata": {"user": "grace"}}),
    Example("listConversationItems", query="limit=1"),
    Example("getConversationItem"),
    Example("branchConversation", {"after": "{item_id}"}),
    Example("deleteConversationItem"),
    Example("deleteResponse"),
    Example("deleteConversation"),
    # Batches, whose end is an event of a webhook
    Example(
        "createWebhookEndpoint",
        {"name": "mine", "url": "https://example.com/hook", "event_types": ["batch.completed"]},
        keep={"webhook_endpoint_id": "id"},
    ),
    Example(
        "createFile", form={"purpose": "batch", "file": ("batch.jsonl", json_lines(_LINE))}, keep={"input_file": "id"}
    ),
    Example(
        "createBatch",
        {"input_file_id": "{input_file}", "endpoint": "/v1/chat/completions", "completion_window": "24h"},
        keep={"batch_id": "id"},
    ),
    Example("retrieveBatch", until=':"completed"'),
    Example("listBatches", query="limit=1"),
    Example(
        "createBatch",
        {"input_file_id": "{input_file}", "endpoint": "/v1/chat/completions", "completion_window": "24h"},
        keep={"batch_id": "id"},
    ),
    Example("cancelBatch"),
    # Anthropic's
    Example("createAnthropicMessage", {**_CHAT, "max_tokens": 64}),
    Example("countAnthropicMessageTokens", _CHAT),
    Example(
        "createMessageBatch",
        {"requests": [{"custom_id": "first", "params": {**_CHAT, "max_tokens": 64}}]},
        keep={"batch_id": "id"},
    ),
    Example("retrieveMessageBatch", until=':"ended"'),
    Example("retrieveMessageBatchResults"),
    Example("listMessageBatches", query="limit=1"),
    Example("deleteMessageBatch"),
    Example(
        "createMessageBatch",
        {"requests": [{"custom_id": "first", "params": {**_CHAT, "max_tokens": 64}}]},
        keep={"batch_id": "id"},
    ),
    Example("cancelMessageBatch"),
    Example(
        "createMessageBatch",
        {"requests": [{"custom_id": "first", "params": {**_CHAT, "max_tokens": 64}}]},
        keep={"batch_id": "id"},
    ),
    Example("cancelBatchOfMessages"),
    # Webhooks: the batch has made a delivery
    Example("listWebhookEndpoints"),
    Example("retrieveWebhookEndpoint"),
    Example("updateWebhookEndpoint", {"name": "ours"}),
    Example("rotateWebhookEndpointSecret", {}),
    Example("listWebhookDeliveries", until="webhook_endpoint_id", keep={"delivery_id": "data.0.id"}),
    Example("retrieveWebhookDelivery"),
    Example("replayWebhookDelivery"),
    Example("listWebhookEventTypes"),
    Example("deleteWebhookEndpoint"),
    # Billing and usage
    Example("getCurrentKey"),
    Example("listKeys"),
    Example("getBalance"),
    Example("getBilling"),
    Example("getBillingDetail"),
    Example("listTransactions", query="limit=1"),
    Example("getUsage"),
    Example("getUsageDetail"),
    Example("usage-costs", query="start_time=1700000000&limit=1"),
    Example("usage-completions", query="start_time=1700000000&limit=1"),
    Example("usage-embeddings", query="start_time=1700000000&limit=1"),
    Example("usage-images", query="start_time=1700000000&limit=1"),
    Example("usage-audio-speeches", query="start_time=1700000000&limit=1"),
    Example("usage-audio-transcriptions", query="start_time=1700000000&limit=1"),
    Example("usage-moderations", query="start_time=1700000000&limit=1"),
    Example("usage-web-search-calls", query="start_time=1700000000&limit=1"),
    # Tools for agents
    Example("listTools", query="query=create+thread&limit=1"),
    Example("getTool"),
    Example("listToolSlugs"),
    Example("executeTool", {"arguments": {"metadata": {"topic": "bread"}}}),
    Example("listToolkits"),
    Example("getToolkit"),
    Example("getToolkits", {"toolkits": ["AI_ML_API"]}),
    Example("listToolkitCategories"),
    # Health
    Example("getHealth"),
    Example("getLiveness"),
    Example("getReadiness"),
    Example("getOrganizationHealth"),
    Example("getOrganizationHealthHistory"),
    Example("listProviders"),
    Example("getSignInOptions"),
    # Imports, exports and deletions
    Example(
        "createImport",
        form={
            "file": (
                "objects.jsonl",
                json_lines(
                    {"object": "thread", "id": "thread_old", "created_at": 1700000000, "metadata": {"user": "ada"}}
                ),
            ),
            "on_conflict": "skip",
        },
        keep={"import_id": "id"},
    ),
    Example("retrieveImport", until='"completed"'),
    Example("listImports"),
    Example("cancelImport", status=409),
    Example("createExport", {"metadata": {"user": "ada"}}, keep={"export_id": "id"}),
    Example("retrieveExport", until='"completed"'),
    Example("listExports"),
    Example("cancelExport", status=409),
    Example("createExportDownloadLink"),
    Example("deleteExport"),
    Example("createDeletion", {"metadata": {"user": "ada"}}, keep={"deletion_id": "id"}),
    Example("retrieveDeletion", until='"completed"'),
    Example("listDeletions"),
    Example("cancelDeletion", status=409),
    Example("exportThread"),
    Example("createFileDownloadLink"),
    # Administration
    Example("create-project", {"name": "Bakery"}, keep={"project_id": "id"}),
    Example("list-projects"),
    Example("retrieve-project"),
    Example("modify-project", {"name": "Bakeries"}),
    Example(
        "createProjectApiKey",
        {"name": "web", "scopes": ["api.chat.write", "api.files.read"]},
        keep={"api_key_id": "id"},
    ),
    Example("list-project-api-keys"),
    Example("retrieve-project-api-key"),
    Example("updateProjectApiKey", {"scopes": ["api.chat.write"]}),
    Example("rotateProjectApiKey", {"overlap_seconds": 3600}),
    Example("updateProjectLimits", {"requests_per_minute": 600, "concurrent_runs": 20}),
    Example("getProjectLimits"),
    Example("updateProjectApiKeyLimits", {"requests_per_minute": 60}),
    Example("getProjectApiKeyLimits"),
    Example("list-project-rate-limits", query="limit=1", keep={"rate_limit_id": "data.0.id"}),
    Example("update-project-rate-limits", {"max_requests_per_1_minute": 120}),
    Example("update-project-model-permissions", {"mode": "allow_list", "model_ids": ["rehearsal"]}),
    Example("retrieve-project-model-permissions"),
    Example("delete-project-model-permissions"),
    Example("update-project-hosted-tool-permissions", {"mcp": {"enabled": False}}),
    Example("retrieve-project-hosted-tool-permissions"),
    Example("Updateprojectspendlimit", {"threshold_amount": 5000, "currency": "USD", "interval": "month"}),
    Example("Getprojectspendlimit"),
    Example("Deleteprojectspendlimit"),
    Example("grantProjectCredits", {"credits": 1000000, "note": "Invoice 7"}),
    Example("getProjectCredits"),
    Example("limitProjectCredits", {"credits": 500000, "period": "month"}),
    Example("listProjectCreditEntries"),
    Example("deleteProjectBudget"),
    Example("create-project-service-account", {"name": "nightly"}, keep={"service_account_id": "id"}),
    Example("list-project-service-accounts"),
    Example("retrieve-project-service-account"),
    Example("update-project-service-account", {"name": "weekly"}),
    Example("create-project-service-account-api-key", {}),
    Example("delete-project-service-account"),
    Example("delete-project-api-key"),
    Example("list-users"),
    Example("retrieve-user"),
    Example("modify-user", {"role": "owner"}),
    Example("inviteUser", {"email": "bob@example.com", "role": "reader"}, keep={"invite_id": "id"}),
    Example("list-invites"),
    Example("retrieve-invite"),
    Example("delete-invite"),
    Example("create-project-user", {"user_id": "{user_id}", "role": "member"}),
    Example("list-project-users"),
    Example("retrieve-project-user"),
    Example("modify-project-user", {"role": "owner"}),
    Example("list-project-roles", keep={"role_id": "data.1.id"}),
    Example("retrieve-project-role"),
    Example("assign-project-user-role", {"role_id": "{role_id}"}),
    Example("list-project-user-role-assignments"),
    Example("retrieve-project-user-role"),
    Example("unassign-project-user-role"),
    Example("create-project-user", {"user_id": "{user_id}", "role": "member"}),
    Example("delete-project-user"),
    Example("list-roles", keep={"role_id": "data.0.id"}),
    Example("retrieve-role"),
    Example("assign-user-role", {"role_id": "{role_id}"}),
    Example("list-user-role-assignments"),
    Example("retrieve-user-role"),
    Example("unassign-user-role"),
    Example("delete-user"),
    Example("admin-api-keys-create", {"name": "operator"}, keep={"key_id": "id"}),
    Example("admin-api-keys-list"),
    Example("admin-api-keys-get"),
    Example("admin-api-keys-delete"),
    Example("archive-project"),
    Example("list-audit-logs", query="limit=1"),
    # Deletions last
    Example("deleteMessage"),
    Example("deleteThread"),
    Example("deleteAssistant"),
    Example("deleteVectorStoreFile"),
    Example("deleteVectorStore"),
    Example("deleteFile"),
)
WITHOUT = {
    "streamProjectEvents": "never ends",
    "signOut getSession": "need the session of a browser",
    "downloadExport downloadLinkedFile": "return the bytes of a file",
    "getRunContext": "has the parts of a prompt, which differ between runs",
    "cancelResponse": "the embedded model answers before it can be cancelled",
    "testProvider": "needs a provider",
    "testWebhookEndpoint": "sends a request to another server",
    "deleteModel": "is refused: models belong to providers",
    "ListContainers CreateContainer RetrieveContainer DeleteContainer": "need a sandbox",
    "ListContainerFiles CreateContainerFile RetrieveContainerFile DeleteContainerFile": "need a sandbox",
    "RetrieveContainerFileContent": "needs a sandbox",
    "createLumaGenerationV1 getLumaGenerations listLumaGenerations extendLumaGeneration": "render a video",
    "listDreamMachineGenerations createDreamMachineGeneration getDreamMachineGeneration": "render a video",
    "createLumaGeneration getLumaGeneration getLumaGenerationsByIds listCameraMotions": "render a video",
    "deleteDreamMachineGeneration deleteLumaGeneration": "delete a video",
    "createImage createImageEdit createImageVariation createModeration": "are relayed to a provider",
    "createSpeech createTranscription createTranslation": "are relayed to a provider",
    "create-realtime-client-secret create-realtime-session": "need a provider with the endpoint for a model",
    "create-realtime-transcription-session": "needs a provider with the endpoint for a model",
    "createTts createStt createSttTask getSttTask": "are relayed to a provider",
    "createVideoGeneration getVideoGeneration createVideoGenerationV2 getVideoGenerationV2": "render a video",
    "deleteVideoGeneration downloadVideo downloadThumbnail": "render a video",
    "createVideo ListVideos GetVideo DeleteVideo RetrieveVideoContent CreateVideoRemix": "render a video",
}
"""Operations whose example would need more than a server, and why."""

_ROWS = {operation.id: operation for operation in OPERATIONS}
_NAME = re.compile(r"{(\w+)}")
_SECRET = re.compile(r"(sk-understudy-(?:[a-z]+-)?|whsec_)[A-Za-z0-9+/=_-]{20,}")


def record(server: Server) -> dict[str, dict[str, Any]]:
    """The first request and its last response of each operation, by the operation's id."""
    values = {"model": "rehearsal", "tool_slug": "AI_ML_API_CREATE_THREAD", "slug": "AI_ML_API"}
    shown: dict[str, dict[str, Any]] = {}
    admin_key = server.create_admin_key()
    values["user_id"] = sign_in(server, "ada@example.com").id
    for example in EXAMPLES:
        row = _ROWS[example.operation]
        path = _fill(row.base.rstrip("/") + row.template, values) + (f"?{example.query}" if example.query else "")
        body = None if example.body is None else json.loads(_fill(json.dumps(example.body), values))
        key = admin_key if row.audience == "admin" else KEY
        reply = _send(server, row.method, path, body, example, key)
        assert reply.status == example.status, f"{example.operation}: {reply.body.decode()}"
        is_json = reply.headers["content-type"].startswith("application/json")
        for name, place in example.keep.items():
            values[name] = _at(reply.json, place)
        request = {"method": row.method, "path": path.removeprefix("/v1"), "body": body}
        if example.form is not None:
            request["form"] = {
                name: value if isinstance(value, str) else f"@{value[0]}" for name, value in example.form.items()
            }
        shown.setdefault(example.operation, request | {"response": reply.json if is_json else reply.body.decode()})
    return shown


def _send(server: Server, method: str, path: str, body: Any, example: Example, key: str) -> Any:
    if example.form is not None:
        parts = [
            text_field(name, value) if isinstance(value, str) else file_part(value[1].encode(), value[0], name=name)
            for name, value in example.form.items()
        ]
        return send(server, path, *parts)
    if not example.until:
        return server.ask(method, path, body, key=key)

    def reached() -> Any:
        reply = server.ask(method, path, body, key=key)
        return example.until in reply.body.decode() and reply

    try:
        return eventually(reached)
    except AssertionError:
        raise AssertionError(f"{example.operation}: {server.ask(method, path, body, key=key).body.decode()}") from None


def _fill(text: str, values: dict[str, str]) -> str:
    return _NAME.sub(lambda name: values.get(name[1], name[0]), text)


def _at(value: Any, place: str) -> Any:
    for step in place.split("."):
        value = value[int(step)] if step.isdigit() else value[step]
    return value


def shorten(value: Any) -> Any:
    """Long lists and texts cut, for a page."""
    if isinstance(value, dict):
        return {name: shorten(member) for name, member in value.items()}
    if isinstance(value, list):
        return [shorten(member) for member in value[:_MAX_ITEMS]]
    if isinstance(value, str):
        value = _SECRET.sub(r"\1…", value)
        return f"{value[:_MAX_TEXT]}…" if len(value) > _MAX_TEXT else value
    return value


def differences(stored: Any, recorded: Any, place: str = "") -> Iterator[str]:
    """Where the members or types of two responses differ. Null is of every type, and lists may have other lengths."""
    if isinstance(stored, dict) and isinstance(recorded, dict):
        if "metadata" not in place and stored.keys() != recorded.keys():
            yield f"{place}: {sorted(stored.keys() ^ recorded.keys())}"
        for name in stored.keys() & recorded.keys():
            yield from differences(stored[name], recorded[name], f"{place}.{name}")
    elif isinstance(stored, list) and isinstance(recorded, list):
        for one, other in zip(stored[:1], recorded[:1], strict=False):
            yield from differences(one, other, f"{place}[]")
    elif None not in (stored, recorded) and _kind(stored) != _kind(recorded):
        yield f"{place}: {stored!r} was {recorded!r}"


def _kind(value: Any) -> str:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return "number" if is_number else type(value).__name__


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        serving = serve(Server(Path(directory), None))
        examples = shorten(record(next(serving)))
        serving.close()
    STORED.write_text(json.dumps(examples, indent=1, ensure_ascii=False) + "\n", "utf-8")


def operations_without() -> Iterator[str]:
    for names in WITHOUT:
        yield from names.split()


if __name__ == "__main__":
    main()
