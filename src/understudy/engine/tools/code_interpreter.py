"""The code interpreter in a run: its container and files, and what its code says while it says it."""

from collections.abc import Sequence
from contextlib import aclosing
from typing import Final

import msgspec

from understudy import ids
from understudy.engine.run import events
from understudy.engine.run.cancellation import Interruption
from understudy.engine.run.checkpoint import RunWriter
from understudy.engine.tools.container_sessions import ContainerSession
from understudy.engine.tools.interpreter import AutoContainer, Interpreter
from understudy.errors import SandboxError
from understudy.store.files import StoredFile
from understudy.store.run_state import NewItem, PendingCall, Plan
from understudy.tools.code_interpreter import extract_code
from understudy.tools.sandbox import Error, ExecutionEnd, Image, Note, Output, Stream, Value
from understudy.wire.items import CodeInterpreterCallItem, CodeOutput, GeneratedFile
from understudy.wire.runs import RunObject
from understudy.wire.threads import ThreadObject
from understudy.wire.tools import AssistantToolsCode, CodeInterpreterResources, ToolResources

_decode_thread = msgspec.json.Decoder(ThreadObject).decode
# As many files as one call may turn into Files; a loop that writes thousands would fill the project's list.
_MAX_FILES: Final = 100
_CALL_LIMIT_OUTPUT: Final = "Not run: the client allows no more tool calls.\n"


class CodeInterpreterTool:
    def __init__(self, stage: RunWriter, interruption: Interruption, interpreter: Interpreter) -> None:
        self._stage = stage
        self._interruption = interruption
        self._interpreter = interpreter

    async def files(self) -> list[StoredFile]:
        """What the run's code can read: the assistant's files, and the thread's."""
        stage = self._stage
        if not _uses_code_interpreter(stage.state.spec):
            return []
        self._interpreter.prewarm()
        if stage.progress.plan is not None:
            return await self._container_files(stage.progress.plan)
        thread = _decode_thread(await stage.store.threads.get(stage.project_id, stage.state.spec.thread_id))
        file_ids = [*_file_ids(stage.progress.resources), *_file_ids(thread.tool_resources)]
        return await stage.store.files.lookup(stage.project_id, list(dict.fromkeys(file_ids)))

    async def _container_files(self, plan: Plan) -> list[StoredFile]:
        """The files of the container that the response asks for, once that is found."""
        stage = self._stage
        if plan.container:
            return await stage.store.files.lookup(stage.project_id, await stage.store.containers.files(plan.container))
        return await stage.store.files.lookup(stage.project_id, plan.file_ids)

    async def find_container(self) -> None:
        """A response names the container of a call before the call is made."""
        stage, plan = self._stage, self._stage.progress.plan
        if plan is None or plan.container or not _uses_code_interpreter(stage.state.spec):
            return
        wanted = AutoContainer(stage.state.spec.thread_id, plan.file_ids)
        plan.container = await self._interpreter.resolve_container(stage.project_id, wanted)

    async def execute(self, call: PendingCall, files: Sequence[StoredFile]) -> tuple[list[events.Event], NewItem]:
        """Raises InvalidRequest where no code can run here at all."""
        stage, plan = self._stage, self._stage.progress.plan
        if plan is None:
            wanted: str | AutoContainer = AutoContainer(
                stage.state.spec.thread_id, [file.id for file in files], bare_ids=True
            )
        else:
            owned = plan.owned
            wanted = AutoContainer(stage.state.spec.thread_id, plan.file_ids) if owned else plan.container
        container_id = await self._interpreter.resolve_container(stage.project_id, wanted)
        stage.publish(events.CodeRunning(call.index))
        outputs, made = await self._run(call, wanted, extract_code(call.arguments))
        return [events.CodeDone(call.index)], _render_call(call, container_id, outputs, made)

    def refuse(self, call: PendingCall) -> tuple[list[events.Event], NewItem]:
        """Nothing is run."""
        plan = self._stage.progress.plan
        output = CodeOutput(type="logs", logs=_CALL_LIMIT_OUTPUT)
        self._stage.publish(events.CodeRunning(call.index))
        return [events.CodeDone(call.index)], _render_call(call, plan.container if plan else "", [output], [])

    async def _run(
        self, call: PendingCall, wanted: str | AutoContainer, code: str
    ) -> tuple[list[CodeOutput], list[GeneratedFile]]:
        outputs: list[CodeOutput] = []
        try:
            with self._interruption.waiting():
                workspace = await self._interpreter.open_session(self._stage.project_id, wanted)
            await self._execute(call, workspace, code, outputs)
            with self._interruption.waiting():
                made = await self._interpreter.save_new_files(self._stage.project_id, workspace, _MAX_FILES)
        except SandboxError as fault:
            # The model is told, and may go on without the sandbox.
            self._publish_output(call, outputs, CodeOutput(type="logs", logs=f"The code interpreter failed: {fault}\n"))
            made = []
        self._interruption.check()
        return outputs, made

    async def _execute(
        self, call: PendingCall, workspace: ContainerSession, code: str, outputs: list[CodeOutput]
    ) -> None:
        interruption = self._interruption
        async with aclosing(self._interpreter.run(workspace, code)) as said:
            try:
                interruption.waits = True
                async for one in said:
                    interruption.waits = False
                    interruption.check()
                    await self._append_output(call, one, outputs)
                    interruption.waits = True
            finally:
                interruption.waits = False

    async def _append_output(self, call: PendingCall, said: Output, outputs: list[CodeOutput]) -> None:
        if isinstance(said, Image):
            file_id = await self._interpreter.save_image(self._stage.project_id, said)
            self._stage.progress.figures.append(file_id)
            self._publish_output(call, outputs, CodeOutput(type="image", file_id=file_id))
        elif text := _log_text(said):
            self._publish_output(call, outputs, CodeOutput(type="logs", logs=text))

    def _publish_output(self, call: PendingCall, outputs: list[CodeOutput], output: CodeOutput) -> None:
        self._stage.publish(events.CodeOutputDelta(call.index, output))
        if outputs and output.type == outputs[-1].type == "logs":
            outputs[-1].logs += output.logs
        else:
            outputs.append(msgspec.structs.replace(output))


def _uses_code_interpreter(run: RunObject) -> bool:
    return any(isinstance(tool, AssistantToolsCode) for tool in run.tools)


def _render_call(call: PendingCall, container_id: str, outputs: list[CodeOutput], made: list[GeneratedFile]) -> NewItem:
    item = CodeInterpreterCallItem(
        id=call.item_id or ids.code_interpreter_call(),
        call_id=call.id,
        code=extract_code(call.arguments),
        container_id=container_id,
        outputs=outputs,
        files=made,
    )
    return NewItem(item.id, "code_interpreter_call", msgspec.json.encode(item).decode())


def _log_text(said: Output) -> str:
    match said:
        case Stream():
            return said.text
        case Value() | Note():
            return f"{said.text}\n"
        case Error():
            return f"{said.traceback}\n"
        case ExecutionEnd():
            return f"{said.text}\n" if said.text else ""
        case _:
            return ""


def _file_ids(resources: ToolResources) -> Sequence[str]:
    code = resources.code_interpreter
    return code.file_ids if isinstance(code, CodeInterpreterResources) else ()
