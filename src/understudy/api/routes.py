"""Which handler answers which operation: one line each, checked against the table of operations."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from understudy.api import (
    anthropic_messages,
    assistants,
    batches,
    billing,
    chat,
    containers,
    embeddings,
    file_batches,
    files,
    health,
    luma,
    message_batches,
    messages,
    models,
    runs,
    steps,
    stored_chat,
    threads,
    toolkit,
    uploads,
    usage,
    vector_store_files,
    vector_stores,
    video,
    webhooks,
)
from understudy.api.mcp import PATH, McpEndpoint
from understudy.api.operations import OPERATIONS

Handler = Callable[[Request], Awaitable[Response]]

HANDLERS: dict[str, Handler] = {
    "listAssistants": assistants.list_assistants,
    "createAssistant": assistants.create_assistant,
    "getAssistant": assistants.get_assistant,
    "modifyAssistant": assistants.modify_assistant,
    "deleteAssistant": assistants.delete_assistant,
    "listThreads": threads.list_threads,
    "createThread": threads.create_thread,
    "createThreadAndRun": runs.create_thread_and_run,
    "getThread": threads.get_thread,
    "modifyThread": threads.modify_thread,
    "deleteThread": threads.delete_thread,
    "listMessages": messages.list_messages,
    "createMessage": messages.create_message,
    "getMessage": messages.get_message,
    "modifyMessage": messages.modify_message,
    "deleteMessage": messages.delete_message,
    "listRuns": runs.list_runs,
    "createRun": runs.create_run,
    "getRun": runs.get_run,
    "streamRunEvents": runs.stream_run_events,
    "modifyRun": runs.modify_run,
    "cancelRun": runs.cancel_run,
    "submitToolOuputsToRun": runs.submit_tool_outputs,
    "listRunSteps": steps.list_run_steps,
    "getRunStep": steps.get_run_step,
    "listFiles": files.list_files,
    "createFile": files.create_file,
    "retrieveFile": files.retrieve_file,
    "deleteFile": files.delete_file,
    "downloadFile": files.download_file,
    "createUpload": uploads.create_upload,
    "addUploadPart": uploads.add_upload_part,
    "completeUpload": uploads.complete_upload,
    "cancelUpload": uploads.cancel_upload,
    "listVectorStores": vector_stores.list_vector_stores,
    "createVectorStore": vector_stores.create_vector_store,
    "getVectorStore": vector_stores.get_vector_store,
    "modifyVectorStore": vector_stores.modify_vector_store,
    "deleteVectorStore": vector_stores.delete_vector_store,
    "searchVectorStore": vector_stores.search_vector_store,
    "listVectorStoreFiles": vector_store_files.list_vector_store_files,
    "createVectorStoreFile": vector_store_files.create_vector_store_file,
    "getVectorStoreFile": vector_store_files.get_vector_store_file,
    "updateVectorStoreFileAttributes": vector_store_files.update_vector_store_file_attributes,
    "deleteVectorStoreFile": vector_store_files.delete_vector_store_file,
    "retrieveVectorStoreFileContent": vector_store_files.retrieve_vector_store_file_content,
    "createVectorStoreFileBatch": file_batches.create_vector_store_file_batch,
    "getVectorStoreFileBatch": file_batches.get_vector_store_file_batch,
    "cancelVectorStoreFileBatch": file_batches.cancel_vector_store_file_batch,
    "listFilesInVectorStoreBatch": file_batches.list_files_in_vector_store_batch,
    "ListContainers": containers.list_containers,
    "CreateContainer": containers.create_container,
    "RetrieveContainer": containers.retrieve_container,
    "DeleteContainer": containers.delete_container,
    "ListContainerFiles": containers.list_container_files,
    "CreateContainerFile": containers.create_container_file,
    "RetrieveContainerFile": containers.retrieve_container_file,
    "DeleteContainerFile": containers.delete_container_file,
    "RetrieveContainerFileContent": containers.retrieve_container_file_content,
    "createChatCompletion": chat.create_chat_completion,
    "listChatCompletions": stored_chat.list_chat_completions,
    "getChatCompletion": stored_chat.get_chat_completion,
    "updateChatCompletion": stored_chat.update_chat_completion,
    "deleteChatCompletion": stored_chat.delete_chat_completion,
    "getChatCompletionMessages": stored_chat.get_chat_completion_messages,
    "createEmbedding": embeddings.create_embedding,
    "listBatches": batches.list_batches,
    "createBatch": batches.create_batch,
    "retrieveBatch": batches.retrieve_batch,
    "cancelBatch": batches.cancel_batch,
    "cancelBatchOfMessages": message_batches.cancel_message_batch,
    "createAnthropicMessage": anthropic_messages.create_message,
    "countAnthropicMessageTokens": anthropic_messages.count_tokens,
    "listMessageBatches": message_batches.list_message_batches,
    "createMessageBatch": message_batches.create_message_batch,
    "retrieveMessageBatch": message_batches.retrieve_message_batch,
    "deleteMessageBatch": message_batches.delete_message_batch,
    "cancelMessageBatch": message_batches.cancel_message_batch,
    "retrieveMessageBatchResults": message_batches.retrieve_message_batch_results,
    "listModels": models.list_models,
    "listModelsWithDetails": models.list_models_with_details,
    "getModel": models.get_model,
    "retrieveModel": models.retrieve_model,
    "deleteModel": models.delete_model,
    "listWebhookEndpoints": webhooks.list_webhook_endpoints,
    "createWebhookEndpoint": webhooks.create_webhook_endpoint,
    "retrieveWebhookEndpoint": webhooks.retrieve_webhook_endpoint,
    "updateWebhookEndpoint": webhooks.update_webhook_endpoint,
    "deleteWebhookEndpoint": webhooks.delete_webhook_endpoint,
    "rotateWebhookEndpointSecret": webhooks.rotate_webhook_endpoint_secret,
    "testWebhookEndpoint": webhooks.test_webhook_endpoint,
    "listWebhookEventTypes": webhooks.list_webhook_event_types,
    "listWebhookDeliveries": webhooks.list_webhook_deliveries,
    "retrieveWebhookDelivery": webhooks.retrieve_webhook_delivery,
    "replayWebhookDelivery": webhooks.replay_webhook_delivery,
    "listTools": toolkit.list_tools,
    "listToolSlugs": toolkit.list_tool_slugs,
    "executeTool": toolkit.execute_tool,
    "getTool": toolkit.get_tool,
    "listToolkits": toolkit.list_toolkits,
    "listToolkitCategories": toolkit.list_toolkit_categories,
    "getToolkits": toolkit.get_toolkits,
    "getToolkit": toolkit.get_toolkit,
    "getBalance": billing.get_balance,
    "getBilling": billing.get_billing,
    "getBillingDetail": billing.get_billing_detail,
    "listTransactions": billing.list_transactions,
    "getUsage": billing.get_usage,
    "getUsageDetail": billing.get_usage_detail,
    "getCurrentKey": billing.get_current_key,
    "listKeys": billing.list_keys,
    "usage-completions": usage.get_completions_usage,
    "usage-embeddings": usage.get_embeddings_usage,
    "usage-costs": usage.get_costs,
    "listLumaGenerations": luma.list_luma_generations,
    "createLumaGenerationV1": luma.create_luma_generation_v1,
    "getLumaGenerations": luma.get_luma_generations,
    "extendLumaGeneration": luma.extend_luma_generation,
    "deleteLumaGeneration": luma.delete_luma_generation,
    "getLumaGeneration": luma.get_luma_generation,
    "createLumaGeneration": luma.create_luma_generation,
    "getLumaGenerationsByIds": luma.get_luma_generations_by_ids,
    "listCameraMotions": luma.list_camera_motions,
    "getVideo": video.retrieve_video,
    "createVideo": video.create_video,
    "deleteVideo": video.delete_video,
    "getVideoV2": video.retrieve_video,
    "createVideoV2": video.create_video,
    "downloadVideo": video.download_video,
    "downloadThumbnail": video.download_thumbnail,
    "getLiveness": health.live,
    "getReadiness": health.ready,
}


def routes() -> list[Route]:
    """A route for each path, in the table's order, which puts `/threads/runs` before `/threads/{thread_id}`."""
    by_path: dict[str, dict[str, Handler]] = {}
    for operation in OPERATIONS:
        by_path.setdefault(operation.path, {})[operation.method] = HANDLERS[operation.id]
    table = [Route(path, _dispatch(methods), methods=list(methods)) for path, methods in by_path.items()]
    azure = [
        Route("/deployments/{model}/chat/completions", chat.create_deployment_chat_completion, methods=["POST"]),
        Route("/deployments/{model}/embeddings", embeddings.create_deployment_embedding, methods=["POST"]),
    ]
    mcp = Route(PATH, McpEndpoint(), include_in_schema=False)
    return [*table, *azure, mcp, Route("/openapi.json", health.document), Route("/docs", health.docs)]


def _dispatch(methods: dict[str, Handler]) -> Handler:
    get = methods.get("GET")

    async def answer(request: Request) -> Response:
        handler = methods.get(request.method) or get  # HEAD is answered as GET
        assert handler is not None
        return await handler(request)

    return answer
