"""The operations of the hosted Assistants API by their ids: method, path, and the schemas of body and answer."""

ASSISTANTS_API = {
    "cancelRun": ("post", "/threads/{thread_id}/runs/{run_id}/cancel", None, "RunObject"),
    "createAssistant": ("post", "/assistants", "CreateAssistantRequest", "AssistantObject"),
    "createMessage": ("post", "/threads/{thread_id}/messages", "CreateMessageRequest", "MessageObject"),
    "createRun": ("post", "/threads/{thread_id}/runs", "CreateRunRequest", "RunObject"),
    "createThread": ("post", "/threads", "CreateThreadRequest", "ThreadObject"),
    "createThreadAndRun": ("post", "/threads/runs", "CreateThreadAndRunRequest", "RunObject"),
    "deleteAssistant": ("delete", "/assistants/{assistant_id}", None, "DeleteAssistantResponse"),
    "deleteMessage": ("delete", "/threads/{thread_id}/messages/{message_id}", None, "DeleteMessageResponse"),
    "deleteThread": ("delete", "/threads/{thread_id}", None, "DeleteThreadResponse"),
    "getAssistant": ("get", "/assistants/{assistant_id}", None, "AssistantObject"),
    "getMessage": ("get", "/threads/{thread_id}/messages/{message_id}", None, "MessageObject"),
    "getRun": ("get", "/threads/{thread_id}/runs/{run_id}", None, "RunObject"),
    "getRunStep": ("get", "/threads/{thread_id}/runs/{run_id}/steps/{step_id}", None, "RunStepObject"),
    "getThread": ("get", "/threads/{thread_id}", None, "ThreadObject"),
    "listAssistants": ("get", "/assistants", None, "ListAssistantsResponse"),
    "listMessages": ("get", "/threads/{thread_id}/messages", None, "ListMessagesResponse"),
    "listRunSteps": ("get", "/threads/{thread_id}/runs/{run_id}/steps", None, "ListRunStepsResponse"),
    "listRuns": ("get", "/threads/{thread_id}/runs", None, "ListRunsResponse"),
    "modifyAssistant": ("post", "/assistants/{assistant_id}", "ModifyAssistantRequest", "AssistantObject"),
    "modifyMessage": ("post", "/threads/{thread_id}/messages/{message_id}", "ModifyMessageRequest", "MessageObject"),
    "modifyRun": ("post", "/threads/{thread_id}/runs/{run_id}", "ModifyRunRequest", "RunObject"),
    "modifyThread": ("post", "/threads/{thread_id}", "ModifyThreadRequest", "ThreadObject"),
    # The vendor's spelling: generated clients have it in a method's name.
    "submitToolOuputsToRun": (
        "post",
        "/threads/{thread_id}/runs/{run_id}/submit_tool_outputs",
        "SubmitToolOutputsRunRequest",
        "RunObject",
    ),
}
