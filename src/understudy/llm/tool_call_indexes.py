"""Indexes and ids of the tool calls of one stream, by which clients merge the fragments of a call.

Some servers omit the indexes, number every call 0, or repeat or omit ids, and the official packages fail on those.
Source: streams of llama.cpp, vLLM, Ollama and gateways in front of them.
"""

from collections.abc import Sequence
from typing import Any

from understudy import ids
from understudy.llm import payload
from understudy.llm.chunks import Choice, ToolCallFragment
from understudy.llm.repair import check_call_count


class ToolCallIndexer:
    def __init__(self) -> None:
        self._choices: dict[int, _ChoiceCalls] = {}

    def needs_renumbering(self, choice: Choice) -> bool:
        """Whether fragments of a valid choice need another index or an id. Records the choice's calls if none does."""
        delta = choice.delta
        return (
            delta is not None
            and bool(delta.tool_calls)
            and self._calls_of(choice.index).needs_renumbering(delta.tool_calls or ())
        )

    def renumber(self, chunk: dict[str, Any]) -> dict[str, Any]:
        """Gives each fragment of the parsed chunk an index, and the first fragment of each call an id."""
        for choice in chunk.get("choices") or ():
            calls = self._calls_of(choice.get("index") or 0)
            for fragment in (choice.get("delta") or {}).get("tool_calls") or ():
                is_first = bool(payload.mapping(fragment.get("function")).get("name"))
                index, call_id = calls.assign_index(fragment.get("index"), fragment.get("id"), is_first=is_first)
                fragment["index"] = index
                if call_id is not None:
                    fragment["id"] = call_id
        return chunk

    def _calls_of(self, choice: int) -> "_ChoiceCalls":
        calls = self._choices.get(choice)
        if calls is None:
            calls = self._choices[choice] = _ChoiceCalls()
        return calls


class _ChoiceCalls:
    """The calls of one choice."""

    def __init__(self) -> None:
        self._numbers: dict[int | None, int] = {}
        self._ids: list[str] = []
        self._received_ids: list[str | None] = []
        """The ids before repair."""

    def needs_renumbering(self, fragments: Sequence[ToolCallFragment]) -> bool:
        """Adds the calls of the fragments, unless one fragment needs another index or an id."""
        new_calls = 0
        for fragment in fragments:
            number = self._numbers.get(fragment.index)
            if number is None:
                if not self._is_next_call(fragment, new_calls):
                    return True
                new_calls += 1
            elif number != fragment.index or (fragment.id and fragment.id != self._ids[number]):
                return True
        for fragment in fragments:
            if fragment.index not in self._numbers:
                self._add_call(fragment.index, fragment.id)
        return False

    def assign_index(self, index: int | None, call_id: str | None, *, is_first: bool) -> tuple[int, str | None]:
        """The index of the fragment's call, and the fragment's id.

        Finds the call by `index`, then by `call_id`; without both, the fragment continues the last call. `is_first`:
        the fragment has the name of the function.
        """
        number = self._find_call(call_id) if index is None else self._find_indexed(index, call_id, is_first)
        if number is None and index is None and not call_id and not is_first and self._ids:
            number = len(self._ids) - 1
        if number is not None:
            return number, self._ids[number] if call_id else None
        number = self._add_call(index, call_id)
        return number, self._ids[number]

    def _is_next_call(self, fragment: ToolCallFragment, new_calls: int) -> bool:
        """Whether the fragment begins a call with the next index and an unused id."""
        return fragment.index == len(self._ids) + new_calls and bool(fragment.id) and fragment.id not in self._ids

    def _find_indexed(self, index: int, call_id: str | None, is_first: bool) -> int | None:
        number = self._numbers.get(index)
        # Some servers send every call with the index 0 and a new id.
        is_other = number is not None and call_id and is_first and call_id != self._received_ids[number]
        return None if is_other else number

    def _find_call(self, call_id: str | None) -> int | None:
        return self._received_ids.index(call_id) if call_id and call_id in self._received_ids else None

    def _add_call(self, index: int | None, call_id: str | None) -> int:
        check_call_count(len(self._ids) + 1)
        number = len(self._ids)
        self._received_ids.append(call_id)
        self._ids.append(call_id if call_id and call_id not in self._ids else ids.tool_call())
        self._numbers[number if index is None else index] = number
        return number
