"""Checks of the Files that a request names: their ids, their owner and their types."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from understudy.engine.images import Images
from understudy.errors import InvalidRequest, NotFound
from understudy.errors.objects import file_not_found, file_without_content
from understudy.retrieval.reading import list_formats
from understudy.store import Store
from understudy.store.files import StoredFile
from understudy.wire import error_texts
from understudy.wire.parsing import check_file_id


def _missing_file(file_id: str, param: str) -> NotFound:
    return NotFound(f"No such File object: {file_id}", param=param)


def _missing_input(file_id: str, param: str) -> NotFound:
    return _missing_file(error_texts.shortened(file_id), param)


class FileChecks:
    def __init__(self, store: Store, images: Images) -> None:
        self._files = store.files
        self._images = images

    async def find(self, project_id: str, file_ids: Sequence[str], param: str) -> list[StoredFile]:
        """Raises InvalidId for a malformed file id, NotFound for a file that the project does not have."""
        for index, file_id in enumerate(file_ids):
            check_file_id(f"{param}[{index}]", file_id)
        return list((await self.lookup(project_id, dict.fromkeys(file_ids, param))).values())

    async def lookup(
        self, project_id: str, params: Mapping[str, str], error: Callable[[str, str], NotFound] = _missing_file
    ) -> dict[str, StoredFile]:
        """The files by their ids. `params` maps each id to the parameter that a 404 reports.

        Raises NotFound for the first file that the project does not have: `error` of its id and parameter.
        """
        if not params:
            return {}
        files = {file.id: file for file in await self._files.lookup(project_id, list(params))}
        for file_id, param in params.items():
            if file_id not in files:
                raise error(file_id, param)
        return files

    async def check_image(self, file: StoredFile, param: str) -> None:
        """Raises InvalidRequest for a File whose bytes are not an image of a supported format."""
        if await self._images.kind(file) is None:
            raise InvalidRequest(
                f"Invalid '{param}': file {file.id!r} is not an image. Supported are PNG, JPEG, GIF and WebP of at most"
                " 20 MB.",
                param=param,
                code="invalid_image_format",
            )

    async def check_container_files(self, project_id: str, params: Mapping[str, str]) -> None:
        """`params` maps the parameters of the request to file ids. Raises InvalidId and NotFound."""
        for param, file_id in params.items():
            check_file_id(param, file_id)
        await self.lookup(project_id, dict.fromkeys(params.values(), "id"), lambda file_id, _: file_not_found(file_id))

    async def admit_batch_input(self, project_id: str, file_id: str) -> StoredFile:
        """The input file of a batch. Raises NotFound, and InvalidRequest for a file with another purpose."""
        param = "input_file_id"
        check_file_id(param, file_id)
        file = (await self.lookup(project_id, {file_id: param}, _missing_input))[file_id]
        if not file.has_content:
            raise file_without_content(file_id)
        if file.purpose != "batch":
            raise InvalidRequest(
                f"Invalid '{param}': the file {file_id!r} has the purpose {file.purpose!r}. Upload it again with"
                " the purpose 'batch'.",
                param=param,
                code="invalid_value",
            )
        return file


def check_searchable(files: Iterable[StoredFile]) -> None:
    """Raises InvalidRequest for a file type that file search does not support."""
    suffixes = dict.fromkeys(Path(file.filename).suffix for file in files)
    unsupported = [suffix for suffix in suffixes if suffix and suffix[1:].lower() not in list_formats()]
    if unsupported:
        raise InvalidRequest(
            f"Files with extensions [{', '.join(unsupported)}] are not supported for retrieval. Supported are:"
            f" {', '.join(f'.{name}' for name in list_formats())}.",
            param="file_ids",
            code="unsupported_file",
        )
