"""Web search in a run: which functions the model is offered, which pages it may open, and the item of each call."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from understudy import ids
from understudy.engine.run import events
from understudy.engine.run.cancellation import Interruption
from understudy.engine.run.checkpoint import RunWriter
from understudy.engine.run.spec import RunSpec
from understudy.engine.run.turn import ToolCall
from understudy.engine.tools.base import CALL_LIMIT_ERROR, BuiltInTool, CallResult, OfferedFunction
from understudy.engine.tools.names import BuiltInFunction, function_name
from understudy.llm.messages import Message, UserMessage, text_of
from understudy.llm.prices import CREDITS_PER_USD
from understudy.store.charges import Usage
from understudy.store.run_state import NewItem, PendingCall, WebSearchOptions
from understudy.tools import web_search
from understudy.tools.web import Location, SearchRequest, WebSearch, WebSearchError
from understudy.tools.web_search import Action, Arguments
from understudy.wire.items import WebResult, WebSearchCallItem

_MAX_KNOWN_URLS: Final = 2000
KEY: Final = "web_search"
"""The name of all functions of the tool in tool choices."""
_ACTIONS: Final[tuple[Action, ...]] = ("search", "open_page", "find_in_page")
_NOT_OPENED: Final = (
    "This page may not be opened: open pages that a search has returned, or whose URL is in the user's messages."
)


class WebSearchTool(BuiltInTool):
    def __init__(self, writer: RunWriter, interruption: Interruption, web: WebSearch) -> None:
        self._writer = writer
        self._interruption = interruption
        self._web = web
        # Most runs have no such tool.
        actions = _ACTIONS if writer.spec.web_search is not None else ()
        self._actions = {function_name(_function_of(action), writer.spec): action for action in actions}
        self._known_urls: set[str] = set()

    async def prepare(self) -> None:
        """A search needs nothing."""

    def offer(self) -> Sequence[OfferedFunction]:
        return offer_web_search(self._writer.spec, opens_pages=self._web.settings.open_pages)

    def observe(self, messages: Sequence[Message], sources: Iterable[object]) -> None:
        """Notes the pages that a prompt names: a model that hostile text steers cannot send data to other URLs."""
        if self._writer.spec.web_search is None:
            return
        self._known_urls = {one.url for one in sources if isinstance(one, web_search.WebSource)}
        for message in reversed(messages):
            if len(self._known_urls) >= _MAX_KNOWN_URLS:
                break
            if isinstance(message, UserMessage):
                self._known_urls |= web_search.list_urls(text_of(message))

    def open(self, call: ToolCall) -> events.Event:
        call.item_id = ids.web_search_call()
        call.has_streamed_arguments = False
        action = Arguments(self._actions.get(call.name, "search")).render()
        opened = {"type": "search"} if action["type"] == "search" else action
        return events.WebCallOpened(call.index, call.id, call.item_id, opened)

    async def execute(self, call: PendingCall) -> CallResult:
        arguments = web_search.parse_arguments(self._actions.get(call.name, "search"), call.arguments)
        self._writer.publish(events.WebCallRunning(call.index))
        error: str | None = None
        results: list[WebResult] = []
        try:
            with self._interruption.waiting():
                results = await self._run_action(call, arguments)
        except WebSearchError as failed:
            # The model reads of the failure, and may continue without the web.
            error = str(failed)
        self._interruption.check()
        return self._completed_call(call, arguments, results, error)

    def refuse(self, call: PendingCall) -> CallResult:
        arguments = web_search.parse_arguments(self._actions.get(call.name, "search"), call.arguments)
        return self._completed_call(call, arguments, [], CALL_LIMIT_ERROR)

    async def _run_action(self, call: PendingCall, arguments: Arguments) -> list[WebResult]:
        """Raises WebSearchError."""
        options = self._writer.spec.web_search or WebSearchOptions()
        if arguments.action == "search":
            results = await self._search(call, arguments, options)
            return web_search.limit_results(results, options.context_size)
        if arguments.url is None or arguments.url not in self._known_urls:
            raise WebSearchError(_NOT_OPENED)
        allows = SearchRequest("", 1, options.domains).allows
        if not allows(arguments.url):
            raise WebSearchError("This page is not in the domains to which the request limits the search.")
        page = await self._web.open(arguments.url, allows)
        if arguments.action == "open_page":
            text = web_search.cut_page(page.text, options.context_size)
        elif not (text := web_search.find_matches(page.text, arguments.pattern)):
            return []
        return [WebResult(url=page.url, title=page.title, text=text)]

    async def _search(self, call: PendingCall, arguments: Arguments, options: WebSearchOptions) -> list[WebResult]:
        if not arguments.queries:
            raise WebSearchError("The call has no query.")
        place = Location(options.city, options.region, options.country, options.timezone)
        limit = self._web.settings.results
        requests = [SearchRequest(query, limit, options.domains, place) for query in arguments.queries]
        results = await self._web.search(requests)
        self._writer.add_usage(self._build_usage(call, len(requests)))
        return results

    def _build_usage(self, call: PendingCall, count: int) -> Usage:
        writer, settings = self._writer, self._web.settings
        return Usage(
            reference=f"{writer.spec.id}/{call.item_id}",
            kind="web_search",
            model=f"web_search/{settings.provider}",
            created_at=writer.now(),
            key_id=writer.progress.key_id,
            credits=round(settings.price * CREDITS_PER_USD) * count,
            batch=writer.progress.in_batch,
            requests=1,
            units=count,
        )

    def _completed_call(
        self, call: PendingCall, arguments: Arguments, results: list[WebResult], error: str | None
    ) -> CallResult:
        writer = self._writer
        first = sum(other.results for other in writer.progress.calls)
        call.results = len(results)
        item = WebSearchCallItem(
            id=call.item_id or ids.web_search_call(),
            call_id=call.id,
            function=call.name,
            arguments=call.arguments,
            action=arguments.render(),
            results=results,
            error=error,
            turn=writer.progress.turns - 1,
            first=first,
        )
        done = events.WebCallDone(call.index, item.action, tuple(results), error)
        return CallResult([done], NewItem(item.id, "web_search", msgspec.json.encode(item).decode()))


def offer_web_search(spec: RunSpec, *, opens_pages: bool) -> list[OfferedFunction]:
    """The functions of web search; none where the run has no such tool. `opens_pages`: the operator allows it."""
    options = spec.web_search
    if options is None:
        return []
    place = ", ".join(part for part in (options.city, options.region, options.country) if part)
    name = function_name("web_search", spec)
    offered = [OfferedFunction(name, "web_search", web_search.search_definition(name, place), frozenset({name, KEY}))]
    if opens_pages and options.opens_pages:
        name = function_name("open_page", spec)
        offered.append(OfferedFunction(name, "web_search", web_search.open_definition(name), frozenset({name, KEY})))
        name = function_name("find_in_page", spec)
        offered.append(OfferedFunction(name, "web_search", web_search.find_definition(name), frozenset({name, KEY})))
    return offered


def _function_of(action: Action) -> BuiltInFunction:
    return "web_search" if action == "search" else action
