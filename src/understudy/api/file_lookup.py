"""Looks up the files that a request names, and checks their types."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from understudy.api.parts import Parts
from understudy.errors import InvalidRequest, NotFound
from understudy.retrieval.reading import SUPPORTED
from understudy.store.files import StoredFile
from understudy.wire.parsing import check_file_id


async def find_files(parts: Parts, project_id: str, file_ids: Sequence[str], param: str) -> list[StoredFile]:
    """Raises InvalidId for a malformed file id, NotFound for a file that the project does not have."""
    for index, file_id in enumerate(file_ids):
        check_file_id(f"{param}[{index}]", file_id)
    return list((await lookup_files(parts, project_id, dict.fromkeys(file_ids, param))).values())


async def lookup_files(parts: Parts, project_id: str, params: Mapping[str, str]) -> dict[str, StoredFile]:
    """The files by their ids. `params` maps each id to the parameter that a 404 reports.

    Raises NotFound for the first file that the project does not have.
    """
    if not params:
        return {}
    files = {file.id: file for file in await parts.store.files.lookup(project_id, list(params))}
    for file_id, param in params.items():
        if file_id not in files:
            raise NotFound(f"No such File object: {file_id}", param=param)
    return files


async def check_image_file(parts: Parts, project_id: str, file_id: str, param: str) -> None:
    """Raises InvalidRequest for a File whose bytes are not an image of a supported format."""
    if await parts.images.kind(project_id, file_id) is None:
        raise InvalidRequest(
            f"Invalid '{param}': file {file_id!r} is not an image. Supported are PNG, JPEG, GIF and WebP of at most"
            " 20 MB.",
            param=param,
            code="invalid_image_format",
        )


def check_searchable(files: Iterable[StoredFile]) -> None:
    """Raises InvalidRequest for a file type that file search does not support."""
    suffixes = dict.fromkeys(Path(file.filename).suffix for file in files)
    unsupported = [suffix for suffix in suffixes if suffix and suffix[1:].lower() not in SUPPORTED]
    if unsupported:
        raise InvalidRequest(
            f"Files with extensions [{', '.join(unsupported)}] are not supported for retrieval. Supported are:"
            f" {', '.join(f'.{name}' for name in SUPPORTED)}.",
            param="file_ids",
            code="unsupported_file",
        )
