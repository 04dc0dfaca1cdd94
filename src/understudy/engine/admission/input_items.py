"""Admission of input items, of responses and of conversations: their references and files."""

from collections.abc import Sequence
from typing import Any, Final, get_args

from understudy.engine.admission.files import FileChecks
from understudy.engine.admission.inline_data import check_file_data, check_image_url, check_remote_url
from understudy.engine.item_images import ItemImages
from understudy.engine.run import summaries
from understudy.engine.views.items import FILE_DATA, render_item
from understudy.errors import InvalidRequest
from understudy.pacing import Pace
from understudy.store import Store
from understudy.store.messages import Item
from understudy.wire.client_items import ComputerCallOutput
from understudy.wire.input_items import (
    InputCodeInterpreterCall,
    InputCustomToolCallOutput,
    InputFile,
    InputFileSearchCall,
    InputFunctionCallOutput,
    InputImage,
    InputImageCall,
    InputItem,
    InputMessage,
    InputOutputText,
    InputReasoning,
    InputRefusal,
    InputText,
    InputWebSearchCall,
    ItemReference,
    UnsupportedItem,
)
from understudy.wire.input_parsing import whole
from understudy.wire.parsing import check_file_id
from understudy.wire.responses import Included

_ALL_INCLUDES: Final = frozenset({*get_args(Included), FILE_DATA})
_STORED_TYPES: Final[dict[str, type]] = {
    "file_search_call": InputFileSearchCall,
    "code_interpreter_call": InputCodeInterpreterCall,
    "web_search": InputWebSearchCall,
    "image_generation": InputImageCall,
    "reasoning": InputReasoning,
}
"""By the kinds of stored items."""
_TEXT_PARTS: Final = frozenset({InputText, InputOutputText, InputRefusal})


class ItemAdmission:
    def __init__(self, store: Store, files: FileChecks, images: ItemImages, *, private_urls: bool) -> None:
        """`private_urls`: URLs may have private addresses."""
        self._store = store
        self._files = files
        self._images = images
        self._private_urls = private_urls

    async def admit(self, project_id: str, items: Sequence[InputItem], param: str = "input") -> list[InputItem]:
        """The items, with the stored items in place of references.

        Raises InvalidId, NotFound for an unknown item or file, InvalidRequest for a private URL or a compaction of
        another server, InvalidBody for bad contents.
        """
        if all(map(_is_text, items)):
            return list(items)
        admitted = await self._resolve_references(project_id, items)
        await self._check_files(project_id, admitted, param)
        return admitted

    async def _resolve_references(self, project_id: str, items: Sequence[InputItem]) -> list[InputItem]:
        incomplete = dict.fromkeys(item_id for item in items if (item_id := _incomplete_id(item)))
        stored = await self._store.responses.find_items(project_id, list(incomplete)) if incomplete else {}
        found: list[InputItem] = []
        for item in items:
            if isinstance(item, ItemReference):
                found += await self._parse_stored(await self._store.responses.item(project_id, item.id))
            elif (known := stored.get(_incomplete_id(item))) is not None and _is_same_type(known, item):
                found += await self._parse_stored(known)
            else:
                found.append(item)
        return found

    async def _parse_stored(self, stored: Item) -> list[InputItem]:
        return whole([render_item(one, _ALL_INCLUDES) for one in await self._images.fill_items([stored])])

    async def _check_files(self, project_id: str, items: Sequence[InputItem], param: str) -> None:
        pace = Pace()
        images: dict[str, str] = {}
        file_ids: list[str] = []
        for index, item in enumerate(items):
            await pace.step()
            _check_summary(item, f"{param}[{index}].encrypted_content")
            for path, part in _content_parts(item, f"{param}[{index}]"):
                await pace.step()
                await self._check_inline_data(part, path)
                if file_id := _file_id(part):
                    check_file_id(f"{path}.file_id", file_id)
                    file_ids.append(file_id)
                    if isinstance(part, InputImage):
                        images.setdefault(file_id, f"{path}.file_id")
        files = await self._files.lookup(project_id, dict.fromkeys(file_ids, param))
        for file_id, path in images.items():
            await self._files.check_image(files[file_id], path)

    async def _check_inline_data(self, part: Any, path: str) -> None:
        if isinstance(part, InputImage) and part.image_url:
            if not self._private_urls:
                check_remote_url(part.image_url, f"{path}.image_url")
            await check_image_url(part.image_url, f"{path}.image_url")
        elif isinstance(part, InputFile) and part.file_data is not None:
            await check_file_data(part.file_data, f"{path}.file_data")


def _is_text(item: InputItem) -> bool:
    """Whether it is a message of nothing but texts, which refers to nothing."""
    return type(item) is InputMessage and _TEXT_PARTS.issuperset(map(type, item.content))


def _incomplete_id(item: InputItem) -> str:
    """The id of an item that came without what it contains if it is stored; empty for others."""
    match item:
        case InputFileSearchCall(results=None) | InputCodeInterpreterCall(outputs=None) | InputImageCall(result=None):
            return item.id or ""
        case InputWebSearchCall(results=None, status="completed"):
            return item.id or ""
        case InputReasoning(encrypted_content=None, content=None | []):
            return item.id or ""
        case _:
            return ""


def _is_same_type(stored: Item, item: InputItem) -> bool:
    return isinstance(item, _STORED_TYPES.get(stored.kind, ()))


def _file_id(part: Any) -> str | None:
    """The part's file id, which counts only without a URL or inline data."""
    match part:
        case InputImage(image_url=None | "") | InputFile(file_data=None):
            return part.file_id
        case _:
            return None


def _check_summary(item: InputItem, param: str) -> None:
    """Raises InvalidRequest for a compaction of another server, since its conversation cannot be restored."""
    if not isinstance(item, UnsupportedItem) or item.type != "compaction":
        return
    content = item.item.get("encrypted_content")
    if not isinstance(content, str) or summaries.unpack(content) is None:
        raise InvalidRequest(
            f"The encrypted content {str(content)[:16]}... could not be verified. Reason: Encrypted content could not"
            " be decrypted or parsed. This server reads only compactions that it made itself.",
            param=param,
            code="invalid_encrypted_content",
        )


def _content_parts(item: InputItem, path: str) -> list[tuple[str, Any]]:
    """The parts of an item that may have files, each with its path."""
    match item:
        case InputMessage(content=list(content)):
            return [(f"{path}.content[{number}]", part) for number, part in enumerate(content)]
        case InputFunctionCallOutput(output=list(output)) | InputCustomToolCallOutput(output=list(output)):
            return [(f"{path}.output[{number}]", part) for number, part in enumerate(output)]
        case ComputerCallOutput(output=screenshot):
            return [(f"{path}.output", InputImage(file_id=screenshot.file_id, image_url=screenshot.image_url))]
        case _:
            return []
