"""Checks of the files that new messages name, as attachments and as images."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from msgspec import UNSET

from understudy.engine.admission.files import FileChecks, check_searchable
from understudy.engine.admission.inline_data import check_image_url, check_remote_url
from understudy.pacing import Pace
from understudy.wire.messages import (
    Attachment,
    MessageContentImageFileObject,
    MessageContentImageUrlObject,
    MessageObject,
)
from understudy.wire.parsing import check_file_id
from understudy.wire.tools import AssistantToolsFileSearchTypeOnly


@dataclass(frozen=True, slots=True)
class _FileReference:
    """A file of a message. `path`: its parameter in the request; `param`: the parameter that a 404 reports."""

    file_id: str
    path: str
    param: str
    kind: Literal["attachment", "search", "image"]


class MessageChecks:
    def __init__(self, files: FileChecks, *, private_urls: bool) -> None:
        """`private_urls`: URLs may have private addresses."""
        self._files = files
        self._private_urls = private_urls

    async def check(self, project_id: str, messages: Sequence[MessageObject], path: str) -> None:
        """`path` is the request's array of messages, such as `messages`; empty where the body is one message.

        Raises InvalidId for a malformed id, NotFound for a file that the project does not have, InvalidRequest for an
        unsupported file type, an image part that is not an image or a private URL, InvalidBody for a data URL without
        a supported image.
        """
        pace = Pace()
        references: list[_FileReference] = []
        for index, message in enumerate(messages):
            base = f"{path}[{index}]." if path else ""
            await self._check_urls(message, base, pace)
            references += _file_references(message, base)
        if not references:
            return
        params: dict[str, str] = {}
        for reference in references:
            check_file_id(reference.path, reference.file_id)
            params.setdefault(reference.file_id, reference.param)
        files = await self._files.lookup(project_id, params)
        check_searchable(files[reference.file_id] for reference in references if reference.kind == "search")
        for reference in references:
            if reference.kind == "image":
                await self._files.check_image(files[reference.file_id], reference.path)

    async def _check_urls(self, message: MessageObject, base: str, pace: Pace) -> None:
        for index, part in enumerate(message.content):
            if isinstance(part, MessageContentImageUrlObject):
                await pace.step()
                path = f"{base}content[{index}].image_url.url"
                if not self._private_urls:
                    check_remote_url(part.image_url.url, path)
                await check_image_url(part.image_url.url, path)


def _file_references(message: MessageObject, base: str) -> Iterator[_FileReference]:
    for index, attachment in enumerate(message.attachments):
        if attachment.file_id is not UNSET:
            kind: Literal["attachment", "search"] = "search" if _is_for_search(attachment) else "attachment"
            yield _FileReference(attachment.file_id, f"{base}attachments[{index}].file_id", "attachments", kind)
    for index, part in enumerate(message.content):
        if isinstance(part, MessageContentImageFileObject):
            path = f"{base}content[{index}].image_file.file_id"
            yield _FileReference(part.image_file.file_id, path, path, "image")


def _is_for_search(attachment: Attachment) -> bool:
    tools = () if attachment.tools is UNSET else attachment.tools
    return any(isinstance(tool, AssistantToolsFileSearchTypeOnly) for tool in tools)
