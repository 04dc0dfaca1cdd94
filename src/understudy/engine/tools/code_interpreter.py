"""The code interpreter in a run: its container and files, and the output of its code while it runs."""

from collections.abc import Sequence
from contextlib import aclosing
from typing import Final

import msgspec

from understudy import ids
from understudy.engine.run import events
from understudy.engine.run.cancellation import Interruption
from understudy.engine.run.checkpoint import RunWriter
from understudy.engine.run.spec import RunSpec
from understudy.engine.run.turn import ToolCall
from understudy.engine.tools.base import BuiltInTool, CallResult, OfferedFunction
from understudy.engine.tools.container_sessions import ContainerSession
from understudy.engine.tools.interpreter import AutoContainer, Interpreter
from understudy.engine.tools.names import function_name
from understudy.errors import InvalidRequest, SandboxError
from understudy.store.files import StoredFile
from understudy.store.run_state import NewItem, PendingCall
from understudy.tools import code_interpreter
from understudy.tools.code_interpreter import CodeArguments, extract_code
from understudy.tools.sandbox import Error, ExecutionEnd, Image, Note, Output, Stream, Value
from understudy.wire.items import CodeInterpreterCallItem, CodeOutput, GeneratedFile
from understudy.wire.threads import ThreadObject
from understudy.wire.tools import AssistantToolsCode, CodeInterpreterResources, ToolResources

_decode_thread = msgspec.json.Decoder(ThreadObject).decode
# As many files as one call may turn into Files; a loop that writes thousands would fill the project's list.
_MAX_FILES: Final = 100
_CALL_LIMIT_OUTPUT: Final = "Not run: the client allows no more tool calls.\n"


class CodeInterpreterTool(BuiltInTool):
    def __init__(self, writer: RunWriter, interruption: Interruption, interpreter: Interpreter) -> None:
        self._writer = writer
        self._interruption = interruption
        self._interpreter = interpreter
        self._files: Sequence[StoredFile] = ()

    async def prepare(self) -> None:
        if _uses_code_interpreter(self._writer.spec):
            self._interpreter.prewarm()
            self._files = await self._load_files()
            await self._find_container()

    def offer(self) -> Sequence[OfferedFunction]:
        return offer_code_interpreter(self._writer.spec, self._files)

    def open(self, call: ToolCall) -> events.Event:
        call.code = CodeArguments()
        call.item_id = ids.code_interpreter_call()
        return events.CodeOpened(call.index, call.id, call.item_id, self._writer.counters.container)

    async def execute(self, call: PendingCall) -> CallResult:
        """Raises InvalidRequest where no code can run here at all."""
        writer, container = self._writer, self._container()
        container_id = await self._interpreter.resolve_container(writer.project_id, container)
        writer.publish(events.CodeRunning(call.index))
        outputs, files = await self._run_call(call, container, extract_code(call.arguments))
        return CallResult([events.CodeDone(call.index)], _render_call(call, container_id, outputs, files))

    def refuse(self, call: PendingCall) -> CallResult:
        output = CodeOutput(type="logs", logs=_CALL_LIMIT_OUTPUT)
        self._writer.publish(events.CodeRunning(call.index))
        item = _render_call(call, self._writer.counters.container, [output], [])
        return CallResult([events.CodeDone(call.index)], item)

    async def _load_files(self) -> list[StoredFile]:
        """The files that the run's code can read: the assistant's and the thread's, or the container's."""
        writer = self._writer
        if not writer.spec.uses_thread_resources:
            return await self._container_files()
        thread = _decode_thread(await writer.store.threads.get(writer.project_id, writer.spec.thread_id))
        file_ids = [*_file_ids(writer.progress.resources), *_file_ids(thread.tool_resources)]
        return await writer.store.files.lookup(writer.project_id, list(dict.fromkeys(file_ids)))

    async def _container_files(self) -> list[StoredFile]:
        writer, container = self._writer, self._writer.counters.container
        file_ids = await writer.store.containers.files(container) if container else writer.spec.file_ids
        return await writer.store.files.lookup(writer.project_id, file_ids)

    async def _find_container(self) -> None:
        """Creates the container before the first call, whose item names it."""
        writer = self._writer
        if writer.spec.publishes_items and not writer.counters.container:
            container = await self._interpreter.resolve_container(writer.project_id, self._container())
            writer.counters.container = container

    def _container(self) -> str | AutoContainer:
        """The container that the run's code runs in."""
        spec = self._writer.spec
        if not spec.own_container:
            return self._writer.counters.container
        file_ids = [file.id for file in self._files] if spec.uses_thread_resources else spec.file_ids
        return AutoContainer(spec.thread_id, file_ids, bare_ids=spec.bare_file_names)

    async def _run_call(
        self, call: PendingCall, container: str | AutoContainer, code: str
    ) -> tuple[list[CodeOutput], list[GeneratedFile]]:
        outputs: list[CodeOutput] = []
        files: list[GeneratedFile] = []
        try:
            with self._interruption.waiting():
                workspace = await self._interpreter.open_session(self._writer.project_id, container)
            await self._run_code(call, workspace, code, outputs)
            await self._save_files(call, workspace, outputs, files)
        except SandboxError as fault:
            # The model reads of the failure, and may continue without the sandbox.
            self._publish_output(call, outputs, CodeOutput(type="logs", logs=f"The code interpreter failed: {fault}\n"))
            files = []
        self._interruption.check()
        return outputs, files

    async def _save_files(
        self, call: PendingCall, workspace: ContainerSession, outputs: list[CodeOutput], files: list[GeneratedFile]
    ) -> None:
        """Adds what the code has written to `files`. Raises SandboxError."""
        project_id, limit = self._writer.project_id, await self._find_limit()
        saving = self._interpreter.save_new_files(project_id, workspace, _MAX_FILES, limit)
        try:
            with self._interruption.waiting():
                async with aclosing(saving):
                    async for file in saving:
                        files.append(file)  # noqa: PERF401 - those before an error count
        except InvalidRequest as refusal:
            self._publish_output(call, outputs, CodeOutput(type="logs", logs=f"A file was not stored: {refusal}\n"))

    async def _run_code(
        self, call: PendingCall, workspace: ContainerSession, code: str, outputs: list[CodeOutput]
    ) -> None:
        interruption = self._interruption
        async with aclosing(self._interpreter.run(workspace, code)) as output:
            try:
                interruption.waits = True
                async for one in output:
                    interruption.waits = False
                    interruption.check()
                    await self._append_output(call, one, outputs)
                    interruption.waits = True
            finally:
                interruption.waits = False

    async def _append_output(self, call: PendingCall, output: Output, outputs: list[CodeOutput]) -> None:
        if isinstance(output, Image):
            try:
                file_id = await self._interpreter.save_image(self._writer.project_id, output, await self._find_limit())
            except InvalidRequest as refusal:
                self._publish_output(
                    call, outputs, CodeOutput(type="logs", logs=f"A figure was not stored: {refusal}\n")
                )
                return
            self._writer.progress.figures.append(file_id)
            self._publish_output(call, outputs, CodeOutput(type="image", file_id=file_id))
        elif text := _log_text(output):
            self._publish_output(call, outputs, CodeOutput(type="logs", logs=text))

    async def _find_limit(self) -> int | None:
        """The bytes that the project may store."""
        return None if self._writer.tokens is None else await self._writer.tokens.stored_bytes()

    def _publish_output(self, call: PendingCall, outputs: list[CodeOutput], output: CodeOutput) -> None:
        self._writer.publish(events.CodeOutputDelta(call.index, output))
        if outputs and output.type == outputs[-1].type == "logs":
            outputs[-1].logs += output.logs
        else:
            outputs.append(msgspec.structs.replace(output))


def offer_code_interpreter(spec: RunSpec, files: Sequence[StoredFile] = ()) -> list[OfferedFunction]:
    """The function of the code interpreter, which names `files`; none where the run has no such tool."""
    if not _uses_code_interpreter(spec):
        return []
    name = function_name("code_interpreter", spec)
    definition = code_interpreter.definition(name, [(file.id, file.filename) for file in files])
    return [OfferedFunction(name, "code_interpreter", definition, frozenset({name, "code_interpreter"}))]


def _uses_code_interpreter(spec: RunSpec) -> bool:
    return any(isinstance(tool, AssistantToolsCode) for tool in spec.tools)


def _render_call(
    call: PendingCall, container_id: str, outputs: list[CodeOutput], files: list[GeneratedFile]
) -> NewItem:
    item = CodeInterpreterCallItem(
        id=call.item_id or ids.code_interpreter_call(),
        call_id=call.id,
        code=extract_code(call.arguments),
        container_id=container_id,
        outputs=outputs,
        files=files,
    )
    return NewItem(item.id, "code_interpreter_call", msgspec.json.encode(item).decode())


def _log_text(output: Output) -> str:
    match output:
        case Stream():
            return output.text
        case Value() | Note():
            return f"{output.text}\n"
        case Error():
            return f"{output.traceback}\n"
        case ExecutionEnd():
            return f"{output.text}\n" if output.text else ""
        case _:
            return ""


def _file_ids(resources: ToolResources) -> Sequence[str]:
    code = resources.code_interpreter
    return code.file_ids if isinstance(code, CodeInterpreterResources) else ()
