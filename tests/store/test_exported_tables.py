"""Every table is in the export of a project, or is left out for a reason: a new one has to be listed here."""

from typing import Any

from understudy.clock import SystemClock
from understudy.engine.transfers.selection import Selection
from understudy.importing.objects import KINDS
from understudy.store.import_lookups import IMPORT_TABLES

EXPORTED = {
    "assistants": "assistant",
    "batch_files": "file_batch",
    "batch_lines": "batch",
    "batches": "batch",
    "chat_completion_tags": "chat_completion",
    "chat_completions": "chat_completion",
    "container_files": "container",
    "container_uploads": "container",
    "containers": "container",
    "file_attributes": "vector_store_file",
    "file_batches": "file_batch",
    "files": "file",
    "generation_blobs": "video",
    "generations": "video",
    "item_images": "message",
    "items": "message",
    "prompt_versions": "prompt",
    "prompts": "prompt",
    "response_contexts": "response",
    "responses": "response",
    "runs": "run",
    "steps": "step",
    "store_files": "vector_store_file",
    "thread_metadata": "thread",
    "threads": "thread",
    "transcriptions": "transcription",
    "unknown_members": "thread",
    "upload_parts": "upload",
    "uploads": "upload",
    "vector_stores": "vector_store",
    "webhook_endpoints": "webhook_endpoint",
}
"""Tables by the kind of object that has their rows in an export."""

LEFT_OUT = {
    "administration: an import into another project must not change who may do what": {
        "admin_keys", "audit_logs", "client_secrets", "invites", "keys", "limits", "policy_changes", "project_permissions",
        "project_users", "projects", "service_accounts", "signing_secrets", "user_sessions", "users",
    },
    "the ledger and what it is counted from": {
        "balances", "budgets", "ledger", "spend_limits", "spending", "usage", "usage_journals", "project_sizes",
    },
    "built again from files and texts": {
        "chunk_cells", "chunk_centers", "chunk_codes", "chunk_documents", "chunk_terms", "chunk_text", "chunk_totals",
        "chunk_vectors", "chunks", "item_text", "resource_references", "chunk_cell_codes",
    },
    "of one server or one moment": {
        "batch_erasures", "blob_erasures", "blob_store", "blobs", "download_links", "erasures", "generation_callbacks",
        "nodes", "schema_versions", "store_erasures", "workers",
    },
    "imports, exports and deletions themselves": {"transfers"},
    "a log of what was sent to webhooks": {"webhook_deliveries"},
}  # fmt: skip
_OF_FTS5 = ("_config", "_content", "_data", "_docsize", "_idx")


async def list_tables(store: Any) -> set[str]:
    def select() -> Any:
        if store.database.dialect == "sqlite":
            sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        else:
            sql = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
        return {row[0] for row in (yield sql, ())}

    tables = await store.database.read(select)
    return {name for name in tables if not name.startswith(("chunk_te", "item_text")) or not name.endswith(_OF_FTS5)}


async def test_every_table_is_exported_or_left_out_for_a_reason(store):
    left_out = set().union(*LEFT_OUT.values())
    assert not left_out & EXPORTED.keys()
    unlisted = await list_tables(store) - left_out - EXPORTED.keys()
    assert not unlisted, "Export these tables, or say in LEFT_OUT why not."


async def test_every_kind_is_exported_and_imported_and_has_a_table(store):
    kinds = [kind for kind, _ in Selection(store, SystemClock(), "proj_none", {}).kinds()]
    assert kinds == list(dict.fromkeys(kinds))
    assert set(kinds) == set(KINDS) == set(EXPORTED.values())
    assert {IMPORT_TABLES[kind].name for kind in KINDS if kind != "vector_store_file"} <= EXPORTED.keys()
