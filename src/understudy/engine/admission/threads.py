"""Admission of new threads."""

from collections.abc import Sequence
from dataclasses import dataclass

from understudy import ids
from understudy.clock import Clock
from understudy.engine.admission.messages import MessageChecks
from understudy.engine.admission.tool_resources import ResourceChecks
from understudy.engine.new_messages import new_messages
from understudy.store.attachments import THREAD_STORE_EXPIRY, VectorStoreUpload, collect_attachments
from understudy.wire.messages import MessageObject
from understudy.wire.threads import CreateThreadRequest, ModifyThreadRequest, ThreadObject


@dataclass(frozen=True, slots=True)
class NewThread:
    """A thread to store, with its messages and the vector stores to create or fill for it."""

    thread: ThreadObject
    messages: Sequence[MessageObject]
    fillings: Sequence[VectorStoreUpload]


class ThreadAdmission:
    def __init__(self, messages: MessageChecks, resources: ResourceChecks, clock: Clock) -> None:
        self._messages = messages
        self._resources = resources
        self._clock = clock

    async def admit(self, project_id: str, body: CreateThreadRequest, path: str = "messages") -> NewThread:
        """`path` is the request parameter of the messages.

        Raises NotFound for an unknown file or vector store, InvalidRequest for an unsupported file type.
        """
        now, thread_id = int(self._clock.now()), ids.thread()
        resources, fillings = await self._resources.prepare(project_id, body.tool_resources, THREAD_STORE_EXPIRY)
        messages = new_messages(body.messages, thread_id, now)
        await self._messages.check(project_id, messages, path)
        resources, attached = collect_attachments(resources, messages, now)
        thread = ThreadObject(id=thread_id, created_at=now, metadata=body.metadata or {}, tool_resources=resources)
        return NewThread(thread, messages, [*fillings, *attached])

    async def check_change(self, project_id: str, body: ModifyThreadRequest) -> None:
        """Raises NotFound for an unknown file or vector store."""
        await self._resources.check(project_id, body.tool_resources or None)
