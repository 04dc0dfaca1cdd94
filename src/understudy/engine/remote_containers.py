"""The files of containers whose sessions other nodes have: requests through the broker, contents through the blobs.

The nodes of a cluster share a broker and the blobs in any case, so a node needs no address of its own: processes behind
one port and workers without HTTP serve the files of their containers as well. A blob that carries a content has a hold,
so it is erased even if its reader dies. Knows no HTTP.
"""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from understudy.blobs import Blob, Blobs
from understudy.broker import MAX_MESSAGE_BYTES, Broker, NoReply
from understudy.engine.container_files import ContainerFiles
from understudy.engine.files import Files
from understudy.errors import ApiError, BlobMissing, InvalidRequest, NotFound, Unavailable
from understudy.store import Store
from understudy.wire.containers import ContainerFileResource

_TOPIC: Final = "container.files"
_LIST_SECONDS: Final = 10.0
_COPY_SECONDS: Final = 120.0
_ERRORS: Final[dict[int, type[ApiError]]] = {400: InvalidRequest, 404: NotFound}


class _Request(Struct, frozen=True, array_like=True, tag_field="verb"):
    project_id: str
    container_id: str


class _Begin(_Request, frozen=True, tag="begin"):
    file_ids: Sequence[str]


class _List(_Request, frozen=True, tag="list"):
    pass


class _Add(_Request, frozen=True, tag="add"):
    file_id: str


class _Upload(_Request, frozen=True, tag="upload"):
    filename: str
    blob: Blob


class _Remove(_Request, frozen=True, tag="remove"):
    file_id: str


class _Export(_Request, frozen=True, tag="export"):
    file_id: str


class _Failure(Struct, frozen=True):
    status: int
    message: str
    code: str | None = None
    param: str | None = None


class _Reply(Struct, frozen=True, omit_defaults=True):
    """`blob` has the content of a file. `rest`: it has the reply, which is too large for a message."""

    files: list[ContainerFileResource] = []
    blob: str | None = None
    rest: bool = False
    failure: _Failure | None = None


_encode = msgspec.msgpack.Encoder().encode
_decode_request = msgspec.msgpack.Decoder(_Begin | _List | _Add | _Upload | _Remove | _Export).decode
_decode_reply = msgspec.msgpack.Decoder(_Reply).decode


class RemoteContainers:
    """All methods raise what `ContainerFiles` does, and Unavailable if the node does not reply in time."""

    def __init__(self, broker: Broker, local: ContainerFiles, files: Files, store: Store, blobs: Blobs) -> None:
        self._broker = broker
        self._local = local
        self._files = files
        self._store = store
        self._blobs = blobs
        broker.handle(_TOPIC, self._receive_request)

    async def begin(self, node_id: str, project_id: str, container_id: str, file_ids: Sequence[str]) -> None:
        await self._request_reply(node_id, _Begin(project_id, container_id, file_ids))

    async def list(self, node_id: str, project_id: str, container_id: str) -> list[ContainerFileResource]:
        return (await self._request_reply(node_id, _List(project_id, container_id), _LIST_SECONDS)).files

    async def add(self, node_id: str, project_id: str, container_id: str, file_id: str) -> ContainerFileResource:
        return (await self._request_reply(node_id, _Add(project_id, container_id, file_id))).files[0]

    async def upload(
        self, node_id: str, project_id: str, container_id: str, filename: str, blob: Blob
    ) -> ContainerFileResource:
        return (await self._request_reply(node_id, _Upload(project_id, container_id, filename, blob))).files[0]

    async def remove(self, node_id: str, project_id: str, container_id: str, file_id: str) -> None:
        await self._request_reply(node_id, _Remove(project_id, container_id, file_id), _LIST_SECONDS)

    async def read(self, node_id: str, project_id: str, container_id: str, file_id: str) -> AsyncGenerator[bytes, None]:
        """The content of a file, in chunks."""
        reply = await self._request_reply(node_id, _Export(project_id, container_id, file_id))
        return self._read_blob(reply.blob or "")

    # -- requests ----------------------------------------------------------------------------------------------

    async def _request_reply(self, node_id: str, request: _Request, seconds: float = _COPY_SECONDS) -> _Reply:
        try:
            reply = _decode_reply(await self._broker.request(node_id, _TOPIC, _encode(request), seconds))
        except (NoReply, msgspec.MsgspecError):
            raise _unavailable_error() from None
        if reply.rest and reply.blob is not None:
            reply = _decode_reply(b"".join([chunk async for chunk in self._read_blob(reply.blob)]))
        if reply.failure is not None:
            raise _to_api_error(reply.failure)
        return reply

    async def _read_blob(self, name: str) -> AsyncGenerator[bytes, None]:
        """The bytes of a blob, which is erased afterwards."""
        try:
            async with self._blobs.reading(name) as chunks:
                async for chunk in chunks:
                    yield chunk
        except BlobMissing:
            raise _unavailable_error() from None
        finally:
            await self._store.blobs.release_hold(name)

    # -- replies -----------------------------------------------------------------------------------------------

    async def _receive_request(self, _: str, body: bytes) -> bytes:
        try:
            reply = await self._handle(_decode_request(body))
        except ApiError as error:
            reply = _Reply(failure=_Failure(error.status, error.message, error.code, error.param))
        data: bytes = _encode(reply)
        if len(data) <= MAX_MESSAGE_BYTES:
            return data
        return _encode(_Reply(blob=await self._store_bytes(_single_chunk(data)), rest=True))

    async def _handle(self, request: Any) -> _Reply:
        project_id, container_id = request.project_id, request.container_id
        match request:
            case _Begin():
                await self._local.begin(project_id, container_id, request.file_ids)
                return _Reply()
            case _List():
                return _Reply(await self._local.list(project_id, container_id))
            case _Add():
                return _Reply([await self._local.add(project_id, container_id, request.file_id)])
            case _Upload():
                return _Reply([await self._local.upload(project_id, container_id, request.filename, request.blob)])
            case _Remove():
                await self._local.remove(project_id, container_id, request.file_id)
                return _Reply()
            case _:
                chunks = await self._local.read(project_id, container_id, request.file_id)
                return _Reply(blob=await self._store_bytes(chunks))

    async def _store_bytes(self, chunks: AsyncIterable[bytes]) -> str:
        """The name of a blob that the requesting node erases."""
        async with self._files.open_draft() as draft:
            async for chunk in chunks:
                await draft.write(chunk)
            blob = await draft.commit()
            draft.detach()
            return blob.name


async def _single_chunk(data: bytes) -> AsyncIterator[bytes]:
    yield data


def _to_api_error(failure: _Failure) -> ApiError:
    kind = _ERRORS.get(failure.status, Unavailable)
    return kind(failure.message, code=failure.code, param=failure.param)


def _unavailable_error() -> Unavailable:
    return Unavailable(
        "The server that has this container is unavailable. Try again in a moment.", headers={"retry-after": "2"}
    )
