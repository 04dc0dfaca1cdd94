"""Files that a request names by their ids: whether the project has them, and whether they can be searched."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from understudy.api.parts import Parts
from understudy.errors import InvalidRequest, NotFound
from understudy.retrieval.reading import SUPPORTED
from understudy.store.files import StoredFile
from understudy.wire.problems import check_file_id


async def find_files(parts: Parts, project_id: str, file_ids: Sequence[str], param: str) -> list[StoredFile]:
    """Raises InvalidId for what cannot be a file's id, NotFound for a file that the project does not have."""
    for index, file_id in enumerate(file_ids):
        check_file_id(f"{param}[{index}]", file_id)
    files = {file.id: file for file in await parts.store.files.lookup(project_id, file_ids)} if file_ids else {}
    for file_id in file_ids:
        if file_id not in files:
            raise NotFound(f"No such File object: {file_id}", param=param)
    return list(files.values())


def check_searchable(files: Iterable[StoredFile]) -> None:
    """Raises InvalidRequest for a file of a type that cannot be searched."""
    suffixes = dict.fromkeys(Path(file.filename).suffix for file in files)
    unsupported = [suffix for suffix in suffixes if suffix and suffix[1:].lower() not in SUPPORTED]
    if unsupported:
        raise InvalidRequest(
            f"Files with extensions [{', '.join(unsupported)}] are not supported for retrieval. Supported are:"
            f" {', '.join(f'.{name}' for name in SUPPORTED)}.",
            param="file_ids",
            code="unsupported_file",
        )
