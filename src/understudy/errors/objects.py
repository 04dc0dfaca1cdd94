"""Errors about stored objects, with their texts. An unknown id and another project's id get the same error."""

from understudy.errors import Conflict, InvalidRequest, NotFound, PermissionDenied, RateLimited


def response_not_found(response_id: str) -> NotFound:
    return NotFound(f"Response with id '{response_id}' not found.")


def conversation_not_found(thread_id: str) -> NotFound:
    """`thread_id` is the id of the conversation's stored thread."""
    return NotFound(f"Conversation with id 'conv_{thread_id.partition('_')[2]}' not found.")


def item_not_found(item_id: str, param: str | None = None) -> NotFound:
    return NotFound(f"Item with id '{item_id}' not found.", param=param)


def file_without_content(file_id: str) -> InvalidRequest:
    return InvalidRequest(
        f"The file '{file_id}' was imported without its content. Import it again together with its bytes.",
        param="file_id",
        code="file_without_content",
    )


def file_not_found(file_id: str) -> NotFound:
    return NotFound(f"No such File object: {file_id}", param="id", detail=True)


def completion_not_found(completion_id: str) -> NotFound:
    return NotFound(f"Completion {completion_id} not found", param="completion_id", code="not_found")


def project_not_found(project: str) -> NotFound:
    """`project` is a name or an id."""
    return NotFound(f"Project {project!r} not found. Create it with `understudy projects create`.")


def unknown_project(project_id: str) -> InvalidRequest:
    """The request's body names the project."""
    return InvalidRequest(f"No project found with id {project_id!r}.", param="project")


def project_exists(name: str) -> Conflict:
    return Conflict(f"A project {name!r} already exists. Choose another name, or use that project.")


def project_archived(project_id: str) -> InvalidRequest:
    return InvalidRequest(f"Project {project_id!r} is archived. Use another project.", code="project_archived")


def default_project_needed() -> InvalidRequest:
    return InvalidRequest("The default project cannot be renamed or archived: the server's first key belongs to it.")


def user_exists(email: str) -> InvalidRequest:
    return InvalidRequest(f"{email!r} is the address of a user already.", param="email", code="user_exists")


def invite_pending(email: str) -> InvalidRequest:
    return InvalidRequest(
        f"{email!r} has a pending invite. Delete it to create another one.", param="email", code="invite_pending"
    )


def invite_accepted(invite_id: str) -> InvalidRequest:
    return InvalidRequest(
        f"Invite {invite_id!r} is accepted and cannot be deleted. Delete the user instead.", code="invite_accepted"
    )


def unknown_user_email(email: str) -> NotFound:
    return NotFound(f"No user found with email {email!r}. People are users after their first sign-in.", param="email")


def project_user_exists(user_id: str) -> InvalidRequest:
    return InvalidRequest(f"User {user_id!r} is in this project already.", code="user_exists")


def role_not_removable(role_id: str) -> InvalidRequest:
    return InvalidRequest(
        f"Role {role_id!r} cannot be removed: every user has one in the organization. Delete the user instead.",
        code="role_required",
    )


def project_access_denied(project_id: str) -> PermissionDenied:
    """An unknown project, an archived one, and one of others are the same to a person."""
    return PermissionDenied(f"You have no access to project {project_id!r}.", code="project_access_denied")


def project_needed() -> PermissionDenied:
    return PermissionDenied(
        "You are in no project. Request one from an administrator of this server.", code="project_access_denied"
    )


def sign_in_refused() -> PermissionDenied:
    return PermissionDenied(
        "This account may not sign in here. Request an invite from an administrator of this server.",
        code="sign_in_refused",
    )


def storage_limit_exceeded(limit: int, used: int, added: int, param: str = "file") -> InvalidRequest:
    """`param` is the member of the request with the bytes."""
    return InvalidRequest(
        f"The storage limit of this project is exceeded: Limit {limit} bytes, Used {used}, Requested {added}. Delete"
        " files, or have the operator of this server raise the limit.",
        param=param,
        code="storage_limit_exceeded",
    )


def vector_store_limit_exceeded(limit: int, used: int) -> InvalidRequest:
    return InvalidRequest(
        f"The limit of vector stores of this project is exceeded: Limit {limit}, Used {used}. Delete vector stores, or"
        " have the operator of this server raise the limit.",
        code="vector_store_limit_exceeded",
    )


def concurrent_run_limit_exceeded(owner: str, scope: str, limit: int) -> RateLimited:
    """`owner` is whose limit it is, and `scope` its id."""
    return RateLimited(
        f"Concurrent run limit exceeded: Limit {limit}, Used {limit}, Requested 1. This is the limit of the {owner}"
        f" {scope}. Wait until one of its runs or responses has ended.",
        code="concurrent_run_limit_exceeded",
    )


def key_ended(key_id: str) -> InvalidRequest:
    return InvalidRequest(
        f"API key {key_id!r} has expired and cannot be changed. Create a new key.", code="key_expired"
    )


def unknown_cursor(name: str, cursor: str) -> InvalidRequest:
    """`name` is the query parameter: `after` or `before`."""
    return InvalidRequest(
        f"Invalid '{name}': no object with id {cursor!r} in this list. Use an id that the list has returned.",
        param=name,
        code="invalid_value",
    )


def unknown_ledger_cursor(cursor: str) -> InvalidRequest:
    return InvalidRequest(
        f"Invalid 'cursor': no transaction {cursor!r} in this list. Use a cursor that the list has returned.",
        param="cursor",
        code="invalid_value",
    )


def empty_thread() -> InvalidRequest:
    return InvalidRequest(
        "Run creation requires a Thread with a user message or an assistant with instructions.",
        code="invalid_thread",
    )


def messages_locked(thread_id: str, run_id: str) -> InvalidRequest:
    return InvalidRequest(f"Can't add messages to {thread_id} while a run {run_id} is active.")


def context_not_recorded(run_id: str, turn: int) -> NotFound:
    return NotFound(
        f"No context found for model turn {turn} of run '{run_id}'."
        " It has not begun, or an earlier version executed it."
    )


def branch_of_open_message(message_id: str) -> InvalidRequest:
    return InvalidRequest(
        f"Can't branch after message {message_id} while it is in progress. Retry when its run has ended, or use an"
        " earlier message.",
        param="after",
        code="invalid_value",
    )


def branch_limit_exceeded(items: int, size: int) -> InvalidRequest:
    return InvalidRequest(
        f"Too much to copy: a branch begins with at most {items} items and {size // 2**20} MiB. Branch after an earlier"
        " message.",
        param="after",
        code="branch_limit_exceeded",
    )


def items_locked(response_id: str) -> InvalidRequest:
    return InvalidRequest(
        f"Can't add items to the conversation while {response_id} is active on it.", code="conversation_locked"
    )


def conversation_locked(response_id: str) -> InvalidRequest:
    return InvalidRequest(
        f"Another process is currently operating on this conversation ({response_id}). Please retry in a few seconds.",
        code="conversation_locked",
    )


def previous_response_not_found(response_id: str) -> InvalidRequest:
    return InvalidRequest(
        f"Previous response with id '{response_id}' not found.",
        param="previous_response_id",
        code="previous_response_not_found",
    )


def previous_response_in_progress(response_id: str) -> InvalidRequest:
    return InvalidRequest(
        f"Previous response with id '{response_id}' is not over yet. Wait for it, or cancel it.",
        param="previous_response_id",
        code="previous_response_in_progress",
    )


def output_without_call(call_id: str) -> InvalidRequest:
    return InvalidRequest(f"No tool call found for function call output with call_id {call_id}.", param="input")


def call_without_output(call_id: str) -> InvalidRequest:
    return InvalidRequest(f"No tool output found for function call {call_id}.", param="input")


def code_file_limit_exceeded(limit: int, files: int) -> InvalidRequest:
    return InvalidRequest(
        f"A thread can have at most {limit} files for the code interpreter, and with these attachments"
        f" it would have {files}. Remove some from 'tool_resources.code_interpreter.file_ids' first.",
        param="attachments",
        code="array_above_max_length",
    )


def endpoint_limit_reached(limit: int) -> InvalidRequest:
    return InvalidRequest(f"The project has {limit} webhook endpoints, which is the limit. Delete one first.")


def video_limit_reached(limit: int) -> RateLimited:
    return RateLimited(
        f"{limit} videos of this project are waiting or being made, which is the limit. Try again when one has ended.",
        code="rate_limit_exceeded",
    )


def transcription_limit_reached(limit: int) -> RateLimited:
    return RateLimited(
        f"{limit} transcriptions of this project are waiting or under way, which is the limit. Try again when one has"
        " ended.",
        code="rate_limit_exceeded",
    )


def idempotency_key_reused(key: str) -> InvalidRequest:
    return InvalidRequest(
        f"The idempotency key {key!r} was used for another request. Use a new key for a new request.",
        code="idempotency_key_reused",
    )


def batch_not_cancellable(status: str) -> Conflict:
    return Conflict(f"Cannot cancel a batch with status '{status}'.")


def transfer_not_cancellable(kind: str, status: str) -> Conflict:
    return Conflict(f"Cannot cancel this {kind}: its status is '{status}'.")


def transfer_not_deletable(kind: str, status: str) -> Conflict:
    return Conflict(f"Cannot delete this {kind}: its status is '{status}'. Cancel it, or wait until it has ended.")


def batch_not_deletable(status: str) -> Conflict:
    return Conflict(f"Cannot delete a batch with status '{status}'. Cancel it, or wait until it has ended.")


def nul_character() -> InvalidRequest:
    return InvalidRequest("A value contains the NUL character, which cannot be stored or searched for.")
