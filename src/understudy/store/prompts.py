"""Stored prompts and their versions: the rows' bodies are the encoded objects."""

import re
from collections.abc import Callable
from typing import Final

import msgspec

from understudy.errors import NotFound, not_found
from understudy.errors.objects import unknown_cursor
from understudy.store.database import Database, Transaction
from understudy.store.list_filters import ALL, ListFilter, read_filtered_page
from understudy.store.pages import Page, PageRequest, PageSource
from understudy.wire.prompts import VERSION_PATTERN, PromptObject, PromptVersionObject

_PAGE = PageSource("prompts", "project_id = $1")
_SELECT = "SELECT body FROM prompts WHERE id = $1 AND project_id = $2 AND body IS NOT NULL"
_SELECT_VERSION = "SELECT body FROM prompt_versions WHERE prompt_id = $1 AND version = $2"
_INSERT_VERSION = "INSERT INTO prompt_versions (prompt_id, version, body) VALUES ($1, $2, $3)"
_UPDATE = "UPDATE prompts SET body = $1 WHERE id = $2"
_NUMBER: Final = re.compile(VERSION_PATTERN)
_decode = msgspec.json.Decoder(PromptObject).decode


class Prompts:
    """Every verb on one prompt raises NotFound if the project has no such object."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, project_id: str, prompt: PromptObject, first: PromptVersionObject) -> str:
        """Returns the encoded prompt."""
        return await self._database.write(_insert_prompt, project_id, prompt, first)

    async def get(self, project_id: str, prompt_id: str) -> str:
        """Returns the encoded prompt."""
        return await self._database.read(_select_prompt, project_id, prompt_id)

    async def page(self, project_id: str, request: PageRequest, chosen: ListFilter = ALL) -> Page:
        return await read_filtered_page(self._database, _PAGE, (project_id,), request, chosen, ("name",))

    async def modify(self, project_id: str, prompt_id: str, change: Callable[[PromptObject], None]) -> str:
        """Applies `change` and returns the encoded prompt. Raises NotFound for a default version that is missing."""
        return await self._database.write(_modify_prompt, project_id, prompt_id, change)

    async def delete(self, project_id: str, prompt_id: str) -> None:
        await self._database.write(_delete_prompt, project_id, prompt_id)

    async def add_version(
        self, project_id: str, version: PromptVersionObject, *, make_default: bool
    ) -> PromptVersionObject:
        """Stores the version with the next number."""
        return await self._database.write(_insert_version, project_id, version, make_default)

    async def get_version(self, project_id: str, prompt_id: str, version: str | None = None) -> str:
        """Returns an encoded version, by default the prompt's default one."""
        return await self._database.read(_select_version, project_id, prompt_id, version)

    async def page_versions(
        self, project_id: str, prompt_id: str, limit: int, after: str | None
    ) -> tuple[list[str], bool]:
        """Encoded versions, the newest first, and whether there are more.

        Raises InvalidRequest for a number after which none can come, since there has been no such version.
        """
        return await self._database.read(_page_versions, project_id, prompt_id, limit, after)


def _insert_prompt(project_id: str, prompt: PromptObject, first: PromptVersionObject) -> Transaction[str]:
    body = msgspec.json.encode(prompt).decode()
    yield "INSERT INTO prompts (id, project_id, body) VALUES ($1, $2, $3)", (prompt.id, project_id, body)
    yield _INSERT_VERSION, (prompt.id, 1, msgspec.json.encode(first).decode())
    return body


def _select_prompt(project_id: str, prompt_id: str) -> Transaction[str]:
    rows = yield _SELECT, (prompt_id, project_id)
    if not rows:
        raise not_found("prompt", prompt_id)
    return str(rows[0][0])


def _lock_prompt(project_id: str, prompt_id: str) -> Transaction[PromptObject]:
    rows = yield _SELECT + " FOR UPDATE", (prompt_id, project_id)
    if not rows:
        raise not_found("prompt", prompt_id)
    return _decode(rows[0][0])


def _modify_prompt(project_id: str, prompt_id: str, change: Callable[[PromptObject], None]) -> Transaction[str]:
    prompt = yield from _lock_prompt(project_id, prompt_id)
    change(prompt)
    if not (yield _SELECT_VERSION, (prompt_id, int(prompt.default_version))):
        raise _version_not_found(prompt_id, prompt.default_version)
    body = msgspec.json.encode(prompt).decode()
    yield _UPDATE, (body, prompt_id)
    return body


def _delete_prompt(project_id: str, prompt_id: str) -> Transaction[None]:
    sql = "UPDATE prompts SET body = NULL WHERE id = $1 AND project_id = $2 AND body IS NOT NULL RETURNING seq"
    if not (yield sql, (prompt_id, project_id)):
        raise not_found("prompt", prompt_id)
    yield "DELETE FROM prompt_versions WHERE prompt_id = $1", (prompt_id,)


def _insert_version(
    project_id: str, version: PromptVersionObject, make_default: bool
) -> Transaction[PromptVersionObject]:
    prompt = yield from _lock_prompt(project_id, version.prompt_id)
    number = int(prompt.latest_version) + 1
    numbered = msgspec.structs.replace(version, version=str(number))
    prompt.latest_version = numbered.version
    if make_default:
        prompt.default_version = numbered.version
    yield _INSERT_VERSION, (prompt.id, number, msgspec.json.encode(numbered).decode())
    yield _UPDATE, (msgspec.json.encode(prompt).decode(), prompt.id)
    return numbered


def _select_version(project_id: str, prompt_id: str, version: str | None) -> Transaction[str]:
    prompt = _decode((yield from _select_prompt(project_id, prompt_id)))
    chosen = prompt.default_version if version is None else version
    rows = (yield _SELECT_VERSION, (prompt_id, int(chosen))) if _NUMBER.fullmatch(chosen) else ()
    if not rows:
        raise _version_not_found(prompt_id, chosen)
    return str(rows[0][0])


def _page_versions(
    project_id: str, prompt_id: str, limit: int, after: str | None
) -> Transaction[tuple[list[str], bool]]:
    prompt = _decode((yield from _select_prompt(project_id, prompt_id)))
    if after is not None and int(after) > int(prompt.latest_version):
        raise unknown_cursor("after", after)
    before = int(prompt.latest_version) + 1 if after is None else int(after)
    sql = "SELECT body FROM prompt_versions WHERE prompt_id = $1 AND version < $2 ORDER BY version DESC LIMIT $3"
    rows = yield sql, (prompt_id, before, limit + 1)
    return [str(row[0]) for row in rows[:limit]], len(rows) > limit


def _version_not_found(prompt_id: str, version: str) -> NotFound:
    return NotFound(f"No version '{version[:64]}' of the prompt with id '{prompt_id}' found.")
