"""The indexes and ids of the tool calls of one stream, as clients need them to put the calls together.

Some servers leave the indexes out, number every call 0, or repeat and forget ids; the helpers of the official packages
fail on those. Source: what llama.cpp, vLLM, Ollama and gateways in front of them have sent.
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
        """Whether a sound choice has fragments of calls that have to be numbered or named; takes note of the others."""
        delta = choice.delta
        return (
            delta is not None
            and bool(delta.tool_calls)
            and self._calls_of(choice.index).needs_renumbering(delta.tool_calls or ())
        )

    def renumber(self, chunk: dict[str, Any]) -> dict[str, Any]:
        """The parsed chunk with an index for each fragment, and an id for the first one of each call."""
        for choice in chunk.get("choices") or ():
            calls = self._calls_of(choice.get("index") or 0)
            for fragment in (choice.get("delta") or {}).get("tool_calls") or ():
                begins = bool(payload.mapping(fragment.get("function")).get("name"))
                index, call_id = calls.assign_index(fragment.get("index"), fragment.get("id"), begins=begins)
                fragment["index"] = index
                if call_id is not None:
                    fragment["id"] = call_id
        return chunk

    def _calls_of(self, choice: int) -> "_ChoiceCalls":
        found = self._choices.get(choice)
        if found is None:
            found = self._choices[choice] = _ChoiceCalls()
        return found


class _ChoiceCalls:
    """The calls of one choice."""

    def __init__(self) -> None:
        self._numbers: dict[int | None, int] = {}
        self._ids: list[str] = []
        self._received_ids: list[str | None] = []
        """The ids as they came."""

    def needs_renumbering(self, fragments: Sequence[ToolCallFragment]) -> bool:
        """Ordinary fragments are taken; nothing is where one of them is not ordinary."""
        fresh = 0
        for fragment in fragments:
            known = self._numbers.get(fragment.index)
            if fragment.index is None:
                return True
            if known is None:
                if fragment.index != len(self._ids) + fresh or not fragment.id or fragment.id in self._ids:
                    return True
                fresh += 1
            elif known != fragment.index or (fragment.id and fragment.id != self._ids[known]):
                return True
        for fragment in fragments:
            if fragment.index not in self._numbers:
                self._add_call(fragment.index, fragment.id)
        return False

    def assign_index(self, index: int | None, given: str | None, *, begins: bool) -> tuple[int, str | None]:
        """The index of the call that a fragment is part of, and the id that the fragment is to have.

        By index where there is one, else by id; else it continues the call that came last.
        """
        known = self._find_call(index, given, begins=begins)
        if known is not None:
            return known, self._ids[known] if given else None
        number = self._add_call(index, given)
        return number, self._ids[number]

    def _find_call(self, index: int | None, given: str | None, *, begins: bool) -> int | None:
        if index is not None:
            known = self._numbers.get(index)
            # Some servers give every call the index 0 and a new id.
            is_other = known is not None and given and begins and given != self._received_ids[known]
            return None if is_other else known
        if given and given in self._received_ids:
            return self._received_ids.index(given)
        return None if given or begins or not self._ids else len(self._ids) - 1

    def _add_call(self, index: int | None, given: str | None) -> int:
        check_call_count(len(self._ids) + 1)
        number = len(self._ids)
        self._received_ids.append(given)
        self._ids.append(given if given and given not in self._ids else ids.tool_call())
        self._numbers[number if index is None else index] = number
        return number
