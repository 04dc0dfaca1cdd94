"""The text that `understudy serve` prints when it listens: address, status, the key of a first start, a program.

`status` renders the lines about the parts of the server.
"""

import json
import shlex
import shutil
import sys
from pathlib import Path

from understudy.cli.first_key import FirstKey
from understudy.settings import LoadedSettings, Settings, unix_path

_LABEL_WIDTH = 18
_SNIPPET = """\
import warnings
{imports}
from openai import OpenAI

warnings.simplefilter("ignore", DeprecationWarning)  # of the Assistants API, which this server keeps
client = OpenAI(base_url="{base_url}", api_key={key})
runs = client.beta.threads.runs
weather = {{
    "name": "get_weather",
    "description": "The weather in a city right now.",
    "parameters": {{"type": "object", "properties": {{"city": {{"type": "string"}}}}, "required": ["city"]}},
}}
assistant = client.beta.assistants.create(
    model="{model}",{note}
    instructions="Answer questions about the weather with get_weather.",
    tools=[{{"type": "function", "function": weather}}],
)
thread = client.beta.threads.create(messages=[{{"role": "user", "content": "What is the weather in Lisbon?"}}])
answer = runs.stream(thread_id=thread.id, assistant_id=assistant.id)
while answer:
    with answer as stream:
        for text in stream.text_deltas:
            print(text, end="", flush=True)
        run, answer = stream.get_final_run(), None
    if run.status == "requires_action":
        calls = run.required_action.submit_tool_outputs.tool_calls
        print(*(f"[{{call.function.name}}({{call.function.arguments}})]" for call in calls), sep="\\n")
        outputs = [{{"tool_call_id": call.id, "output": "18 degrees, clear sky"}} for call in calls]
        answer = runs.submit_tool_outputs_stream(thread_id=thread.id, run_id=run.id, tool_outputs=outputs)

print()
"""


def banner(
    settings: Settings, base_url: str | None, key: FirstKey | None, more_keys: str, status: list[tuple[str, str]]
) -> str:
    """`base_url` is None with Unix sockets only; `key` is that of a first start; `more_keys` is the command that
    creates a key; `status` has labels and texts.
    """
    lines = [""] if base_url is None else ["", _render_line("Base URL", base_url)]
    lines += [_render_line("Unix socket", str(path)) for host in settings.hosts if (path := unix_path(host))]
    if key is None:
        lines.append(_render_line("API key", f"use an existing key, or create one: {more_keys}"))
    elif key.file is None:
        lines.append(_render_line("API key", key.key))
        lines.append(_render_line("", f"This is the only time it is printed. To create another: {more_keys}"))
    else:
        lines.append(_render_line("API key", f"in the file {key.file}"))
        lines.append(_render_line("", f"Copy the key, then delete the file. To create another: {more_keys}"))
    lines += [_render_line(label, text) for label, text in status]
    if key is None or base_url is None:
        return "\n".join([*lines, ""])
    return "\n".join(
        [*lines, "", "  To try it, `pip install openai` and run this:", "", snippet(settings, base_url, key)]
    )


def snippet(settings: Settings, base_url: str, key: FirstKey) -> str:
    """A program for the `openai` package: an assistant, a function call and a streamed answer."""
    model, note = _example_model(settings)
    imports, expression = "", f'"{key.key}"'
    if key.file is not None:
        imports, expression = "from pathlib import Path\n", f"Path({json.dumps(str(key.file))}).read_text().strip()"
    return _SNIPPET.format(base_url=base_url, key=expression, imports=imports, model=model, note=note)


def keys_command(loaded: LoadedSettings) -> str:
    """The command that creates a key in this server's store, from any directory of the same shell."""
    program = "understudy" if shutil.which("understudy") else f"{shlex.quote(sys.executable)} -m understudy"
    return f"{program} keys create {_store_flag(loaded)}"


def _store_flag(loaded: LoadedSettings) -> str:
    if loaded.settings.database is None:
        return f"--data {shlex.quote(str(loaded.settings.data))}"
    source = Path(loaded.sources["database",])
    # The URL may contain a password, which is not printed.
    return f"--config {shlex.quote(str(source))}" if source.is_file() else "--database …"


def _render_line(label: str, text: str) -> str:
    return f"  {label:<{_LABEL_WIDTH}}{text}"


def _example_model(settings: Settings) -> tuple[str, str]:
    """The model of the program, and a comment after it."""
    providers = settings.providers.values()
    listed = [model for provider in providers for model in [*(provider.models or ()), *provider.aliases]]
    plain = [model for model in listed if "*" not in model]
    if plain and not settings.rehearsal.enabled:
        return plain[0], ""
    if plain:
        return "rehearsal", f"  # the embedded model; or {plain[0]!r}"
    if settings.providers:
        return "rehearsal", "  # the embedded model; client.models.list() names the others"
    return "rehearsal", "  # the embedded model: it needs no key and answers by rules"
