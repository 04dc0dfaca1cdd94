"""Persistence in domain verbs. All SQL of the project is in this package.

`open_store` chooses the engine by the database's URL and brings its schema up to date.
"""

import asyncio
import logging
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import get_type_hints

from understudy.clock import Clock, SystemClock
from understudy.errors import StoreError
from understudy.store import data_directory, postgres_url
from understudy.store.admin_keys import AdminKeys
from understudy.store.assistants import Assistants
from understudy.store.audit_logs import AuditLogs
from understudy.store.backups import copy_before_migration
from understudy.store.batch_jobs import BatchJobs
from understudy.store.batches import Batches
from understudy.store.billable_jobs import BillableJobs
from understudy.store.blobs import Blobs
from understudy.store.chat_completions import ChatCompletions
from understudy.store.chunks import Chunks
from understudy.store.client_secrets import ClientSecrets
from understudy.store.containers import Containers
from understudy.store.conversations import Conversations
from understudy.store.database import Database
from understudy.store.download_links import DownloadLinks
from understudy.store.embedding import EmbeddingJobs
from understudy.store.export_details import ExportDetails
from understudy.store.export_rows import ExportRows
from understudy.store.file_batches import FileBatches
from understudy.store.files import Files
from understudy.store.imports import Imports
from understudy.store.ingestion import Ingestion
from understudy.store.invites import Invites
from understudy.store.item_data import ItemData
from understudy.store.item_images import ItemImages
from understudy.store.keys import Keys
from understudy.store.ledger import Ledger
from understudy.store.limits import Limits
from understudy.store.lock import DirectoryLock
from understudy.store.messages import Messages
from understudy.store.migrate import has_schema, is_current, migrate, newest_schema
from understudy.store.nodes import Nodes
from understudy.store.pending_work import PendingWork
from understudy.store.permissions import Permissions
from understudy.store.postgres import PostgresDatabase
from understudy.store.project_sizes import ProjectSizes
from understudy.store.project_users import ProjectUsers
from understudy.store.projects import Projects
from understudy.store.prompts import Prompts
from understudy.store.qualified_ids import QualifiedIds
from understudy.store.queues import Queues
from understudy.store.references import ReferenceIndex
from understudy.store.responses import Responses
from understudy.store.runs import Runs
from understudy.store.service_accounts import ServiceAccounts
from understudy.store.sign_ins import SignIns
from understudy.store.signing_secrets import SigningSecretStore
from understudy.store.sqlite import SqliteDatabase
from understudy.store.thread_branches import ThreadBranches
from understudy.store.threads import Threads
from understudy.store.transcriptions import Transcriptions
from understudy.store.transfers import Transfers
from understudy.store.uploads import Uploads
from understudy.store.usage import UsageReports
from understudy.store.usage_journal import UsageJournal
from understudy.store.user_sessions import UserSessions
from understudy.store.users import Users
from understudy.store.vector_store_files import VectorStoreFiles
from understudy.store.vector_stores import VectorStores
from understudy.store.videos import Videos
from understudy.store.webhooks import Webhooks
from understudy.store.workers import Workers

logger = logging.getLogger(__name__)

_POSTGRES = ("postgresql://", "postgres://")


@dataclass(frozen=True, slots=True)
class Store:
    """What is stored, by the noun. Those that need nothing but the database are made here, from their annotations."""

    database: Database
    runs: Runs
    files: Files
    uploads: Uploads
    ledger: Ledger
    usage: UsageReports
    usage_journal: UsageJournal
    workers: Workers
    pending_work: PendingWork
    nodes: Nodes
    lock: DirectoryLock | None
    assistants: Assistants = field(init=False)
    prompts: Prompts = field(init=False)
    threads: Threads = field(init=False)
    thread_branches: ThreadBranches = field(init=False)
    messages: Messages = field(init=False)
    references: ReferenceIndex = field(init=False)
    responses: Responses = field(init=False)
    conversations: Conversations = field(init=False)
    download_links: DownloadLinks = field(init=False)
    client_secrets: ClientSecrets = field(init=False)
    videos: Videos = field(init=False)
    blobs: Blobs = field(init=False)
    billable_jobs: BillableJobs = field(init=False)
    item_data: ItemData = field(init=False)
    item_images: ItemImages = field(init=False)
    chunks: Chunks = field(init=False)
    vector_stores: VectorStores = field(init=False)
    vector_store_files: VectorStoreFiles = field(init=False)
    file_batches: FileBatches = field(init=False)
    ingestion: Ingestion = field(init=False)
    embedding: EmbeddingJobs = field(init=False)
    projects: Projects = field(init=False)
    project_sizes: ProjectSizes = field(init=False)
    keys: Keys = field(init=False)
    admin_keys: AdminKeys = field(init=False)
    service_accounts: ServiceAccounts = field(init=False)
    users: Users = field(init=False)
    project_users: ProjectUsers = field(init=False)
    invites: Invites = field(init=False)
    sign_ins: SignIns = field(init=False)
    user_sessions: UserSessions = field(init=False)
    signing_secrets: SigningSecretStore = field(init=False)
    audit_logs: AuditLogs = field(init=False)
    containers: Containers = field(init=False)
    webhooks: Webhooks = field(init=False)
    chat_completions: ChatCompletions = field(init=False)
    limits: Limits = field(init=False)
    permissions: Permissions = field(init=False)
    batches: Batches = field(init=False)
    batch_jobs: BatchJobs = field(init=False)
    transcriptions: Transcriptions = field(init=False)
    transfers: Transfers = field(init=False)
    imports: Imports = field(init=False)
    export_rows: ExportRows = field(init=False)
    export_details: ExportDetails = field(init=False)
    qualified_ids: QualifiedIds = field(init=False)
    queues: Queues = field(init=False)

    def __post_init__(self) -> None:
        nouns = get_type_hints(Store)
        for noun in fields(self):
            if not noun.init:
                object.__setattr__(self, noun.name, nouns[noun.name](self.database))

    async def close(self) -> None:
        await self.usage_journal.close()
        await self.database.close()
        if self.lock is not None:
            self.lock.release()


async def open_store(
    data: Path,
    url: str | None = None,
    *,
    exclusive: bool = False,
    clock: Clock | None = None,
    is_pooled: bool = False,
) -> Store:
    """Opens the store of a data directory (created, 0700), or the PostgreSQL database that `url` names.

    `exclusive` locks the directory, as a server does. Expiry is decided by `clock`. `is_pooled`: the URL is that of a
    pooler in transaction mode. Raises StoreError.
    """
    _check_url(url)
    data_directory.create(data)
    lock = DirectoryLock(data) if exclusive else None
    try:
        database = await _migrate_or_close(await _open_database(data, url, is_pooled=is_pooled), data)
    except BaseException:
        if lock is not None:
            lock.release()
        raise
    return _build_store(database, data, clock or SystemClock(), lock)


async def open_existing_store(
    data: Path, url: str | None = None, *, clock: Clock | None = None, is_pooled: bool = False
) -> Store:
    """Opens what a server has created, and creates nothing: for commands.

    Raises StoreError, which names the directory or the database, if no server has used it.
    """
    _check_url(url)
    if url is None:
        data_directory.check(data)
    database = await _open_database(data, url, is_pooled=is_pooled)
    try:
        await _check_schema(database, data, url)
    except BaseException:
        await database.close()
        raise
    return _build_store(await _migrate_or_close(database, data), data, clock or SystemClock(), None)


def _build_store(database: Database, data: Path, clock: Clock, lock: DirectoryLock | None) -> Store:
    journal, pending = UsageJournal(database, data, clock), PendingWork(database, clock)
    schema = newest_schema(database.dialect)
    return Store(
        database=database,
        lock=lock,
        runs=Runs(database, clock),
        files=Files(database, clock),
        uploads=Uploads(database, clock),
        ledger=Ledger(database, journal),
        usage=UsageReports(database, journal),
        usage_journal=journal,
        workers=Workers(database, clock, schema, pending),
        pending_work=pending,
        nodes=Nodes(database, schema),
    )


def _check_url(url: str | None) -> None:
    if url is not None and not url.startswith(_POSTGRES):
        raise StoreError(f"Unsupported database URL {url!r}. Use postgresql://…, or leave it out for SQLite.")


async def _migrate_or_close(database: Database, data: Path) -> Database:
    """The database with the newest schema, of which SQLite has a copy before; it is closed if migrating fails."""
    try:
        if database.dialect == "sqlite" and await has_schema(database) and not await is_current(database):
            copy = await asyncio.to_thread(copy_before_migration, data)
            logger.info("Copied the database to %s, to migrate it.", copy)
        await migrate(database)
    except BaseException:
        await database.close()
        raise
    return database


async def _check_schema(database: Database, data: Path, url: str | None) -> None:
    if not await has_schema(database):
        raise data_directory.missing_directory_error(data) if url is None else postgres_url.missing_schema_error(url)


async def _open_database(data: Path, url: str | None, *, is_pooled: bool = False) -> Database:
    """The database as it is, without migrations. Raises StoreError."""
    if url is not None:
        return await PostgresDatabase.connect(url, is_pooled=is_pooled)
    return SqliteDatabase(data / data_directory.DATABASE)
