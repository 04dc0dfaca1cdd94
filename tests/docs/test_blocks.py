"""Every fenced block of README.md and docs/*.md is what its kind promises.

| kind | what is done with it |
| --- | --- |
| python | the blocks of a page run one after another, against a server; `PYTHON` prepares what the page takes for granted |
| sh | syntax; each `understudy` and script line parses, and runs where it is harmless; `curl` runs against a server |
| toml | loads as a settings file |
| json | parses, without a member twice |
| yaml | parses |
| js | Node parses it as a module |
| nginx | a proxy's configuration: its brackets match, and it names the server's port; deploy/ has the whole ones |
| text | a command's help as `scripts/pages.py` writes it |
| mermaid | a diagram whose files exist |

Any other kind fails: decide here what it has to hold.
"""

import ast
import json
import os
import re
import shutil
import subprocess
import tomllib

import anthropic
import pytest
import yaml
from click.testing import CliRunner

from clients.environments import environment
from docs.blocks import BLOCKS, PAGES, ROOT, blocks_of, read_inline_code
from docs.command_lines import command_lines, inline_command_exists, parse_script, parse_understudy
from serving import KEY, WAIT
from understudy import settings
from understudy.cli import commands
from waiting import eventually

KINDS = {"python", "sh", "toml", "json", "js", "nginx", "text", "mermaid", "yaml"}
ENVIRONMENTS = {
    "azure": "azure",
    "composio": "composio",
    "langchain_openai": "frameworks",
    **dict.fromkeys(("agents", "claude_agent_sdk", "langchain_core", "llama_index"), "toolkit"),
}
"""Packages that examples import from an environment of their own, by the name that scripts/environment knows."""
LARGE_ENVIRONMENTS = {"frameworks", "toolkit"}
"""Those that take minutes to make: their examples run with --slow."""
RUN_ELSEWHERE = {"docs/move/responses.md": "test_migrating.py runs it and compares both APIs"}
OTHER_PROGRAMS = {
    "apt": "changes the system",
    "cat": "reads a file of the system",
    "python3": "creates an environment; tests/slow/test_wheel.py does it",
    "venv/bin/pip": "installs the wheel; tests/slow/test_wheel.py does it",
    "venv/bin/understudy": "serves; tests/slow/test_wheel.py does it",
    **dict.fromkeys(("cp", "createdb", "mkdir", "pg_dump", "pg_restore"), "tests/e2e/test_backups.py runs it"),
    **dict.fromkeys(
        ("docker", "helm", "kubectl"), "needs a daemon or a cluster; tests/deploy reads and renders the files"
    ),
    "git": "clones from an address of the reader's, or updates a checkout",
    "systemctl": "changes the system",
    "useradd": "changes the system",
    "vllm": "needs a model",
}
OTHER_SETTINGS = {"docs/guides/recipes/codex.md": "~/.codex/config.toml, which tests/slow/test_frameworks.py uses"}
NOT_RUN = {
    ("serve",): "serves until it is stopped",
    ("worker",): "works until it is stopped",
    ("sandbox", "install"): "downloads 650 MB",
    ("import",): "needs an input, which tests/e2e/test_import_command.py makes",
    ("export",): "needs a data directory that no server has open",
    ("delete",): "needs a data directory that no server has open",
    ("backup",): "writes where the page names it; tests/e2e/test_backups.py does it",
    ("restore",): "replaces a data directory; tests/e2e/test_backups.py does it",
}
MAY_FAIL = {
    ("projects", "create"): "the project exists since another page",
    ("doctor",): "reports this machine",
    ("sandbox", "check"): "reports this machine",
}
each_of = {kind: pytest.mark.parametrize("block", blocks_of(kind), ids=str) for kind in KINDS}


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_a_block_has_a_kind_that_is_checked(block):
    assert block.kind in KINDS
    assert block.text.strip()


# python


class Batches:
    @staticmethod
    def prepare(server):
        body = {"model": "rehearsal", "messages": [{"role": "user", "content": "What is 6 * 7?"}]}
        line = {"custom_id": "first", "method": "POST", "url": "/v1/chat/completions", "body": body}
        return {"client": server.client, "anthropic": anthropic, "json": json, "requests": [line]}

    @staticmethod
    def check(names, printed, server):
        names["client"].close()
        api, batch_id = server.client, names["batch"].id
        batch = eventually(lambda: (found := api.batches.retrieve(batch_id)).status == "completed" and found)
        assert "42" in api.files.content(batch.output_file_id).text


class Printing:
    """A page whose examples print what `expected` has; each brings its own client."""

    def __init__(self, expected):
        self._expected = expected

    @staticmethod
    def prepare(server):
        return {}

    def check(self, names, printed, server):
        assert self._expected in printed


class Toolkit:
    @staticmethod
    def prepare(server):
        return {"client": server.client}

    @staticmethod
    def check(names, printed, server):
        names["toolkit"].close()
        assert printed.startswith("thread_")
        _, call, result = names["messages"]
        assert call.tool_calls[0].function.name.startswith("AI_ML_API_LIST_MODELS")
        assert "rehearsal" in str(result)


PYTHON = {
    "docs/guides/prompts.md": Printing("1"),
    "docs/guides/realtime.md": Printing("What is 6 * 7?"),
    "README.md": Printing("42"),
    "docs/start/quickstart.md": Printing("42"),
    "docs/move/hosted.md": Printing("Librarian"),
    "docs/move/azure.md": Printing("asst_"),
    "docs/move/aimlapi.md": Printing("42"),
    "docs/move/open-assistant-api.md": Printing("list"),
    "docs/guides/administration.md": Printing("sk-understudy-svcacct-"),
    "docs/guides/batches.md": Batches,
    "docs/guides/toolkit.md": Toolkit,
    "docs/guides/recipes/claude.md": Printing("AI_ML_API_LIST_MODELS"),
}


def imported(block):
    tree = ast.walk(ast.parse(block.text))
    modules = [node.module for node in tree if isinstance(node, ast.ImportFrom)]
    return {module.partition(".")[0] for module in modules}


def in_other_environment(block):
    return bool(imported(block) & set(ENVIRONMENTS))


def with_address(text, server):
    """The address and the key of the server in the places of the example's."""
    places = {"http://127.0.0.1:8642": server.url.removesuffix("/v1"), "sk-understudy-…": KEY}
    if (admin := "sk-understudy-admin-…") in text:
        places[admin] = server.run("keys", "create", "--admin").strip()
    return replace_all(text, places)


def replace_all(text, places):
    for before, after in places.items():
        text = text.replace(before, after)
    return text


@each_of["python"]
def test_a_python_example_compiles_and_its_page_is_run(block):
    assert block.compile()
    assert block.page in PYTHON or block.page in RUN_ELSEWHERE or in_other_environment(block)


# Of the package `websockets`, whose older form the client uses.
@pytest.mark.filterwarnings("ignore:connect:DeprecationWarning")
@pytest.mark.parametrize("page", PYTHON)
def test_the_python_examples_of_a_page_run_one_after_another(server, monkeypatch, capsys, page):
    monkeypatch.setenv("UNDERSTUDY_BASE_URL", server.url)
    monkeypatch.setenv("UNDERSTUDY_API_KEY", KEY)
    names = PYTHON[page].prepare(server)
    for block in blocks_of("python", page):
        if not in_other_environment(block):
            exec(compile("\n" * block.line + with_address(block.text, server), block.page, "exec"), names)
    PYTHON[page].check(names, capsys.readouterr().out, server)


def by_environment(block):
    (package,) = imported(block) & set(ENVIRONMENTS)
    marks = [pytest.mark.slow] if ENVIRONMENTS[package] in LARGE_ENVIRONMENTS else []
    return pytest.param(block, ENVIRONMENTS[package], id=str(block), marks=marks)


@pytest.mark.parametrize(
    ("block", "name"), [by_environment(block) for block in blocks_of("python") if in_other_environment(block)]
)
def test_a_python_example_of_another_package_runs_in_its_environment(server, block, name):
    ran = subprocess.run(
        [environment(name).python, "-"],
        env={**os.environ, "PYTHONPATH": str(ROOT / "packages" / "understudy-toolkit" / "src")},
        input=with_address(block.text, server),
        capture_output=True,
        text=True,
        timeout=2 * WAIT,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr


# sh


@each_of["sh"]
def test_a_shell_block_is_valid_and_each_of_its_commands_is_known(block):
    checked = subprocess.run(["sh", "-n"], input=block.text, capture_output=True, text=True, timeout=WAIT, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
    for line in command_lines(block):
        if line.program == "understudy":
            parse_understudy(line.words[1:])
        elif "scripts/" in line.program:
            parse_script(line.words)
        else:
            assert line.program in {"curl", "export", *OTHER_PROGRAMS}


def with_command(name):
    def has(block):
        return any(line.program == name for line in command_lines(block))

    return pytest.mark.parametrize("block", [*filter(has, blocks_of("sh"))], ids=str)


@with_command("understudy")
def test_the_commands_of_a_shell_block_run_beside_the_server(server, monkeypatch, tmp_path, block):
    places = {"CONFIG": str(server.config), "DATA": str(server.data), "BASE_URL": server.url, "API_KEY": KEY}
    for name, value in places.items():
        monkeypatch.setenv(f"UNDERSTUDY_{name}", value)
    monkeypatch.setenv("HOME", str(tmp_path))
    CliRunner().invoke(commands, ["projects", "create", "acme"])
    created = CliRunner().invoke(commands, ["keys", "create", "--project", "acme", "--json"])
    key_id = json.loads(created.stdout)["id"]
    thread = server.client.beta.threads.create()
    for line in command_lines(block):
        name = line.program == "understudy" and parse_understudy(line.words[1:])
        if not name or name in NOT_RUN:
            continue
        places = {"key_…": key_id, "thread_…": thread.id}
        words = [replace_all(with_address(word, server), places) for word in line.words[1:]]
        done = CliRunner().invoke(commands, words)
        assert done.exit_code in ({0, 1} if name in MAY_FAIL else {0}), f"{line.text}\n{done.output}"
        assert done.output or "--json" in words  # lines of no objects


@with_command("curl")
def test_the_requests_of_a_shell_block_are_answered(server, tmp_path, block):
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    (tmp_path / ".curlrc").write_text("fail-with-body\nnoproxy = *\n")
    environ = {"PATH": os.environ["PATH"], "CURL_HOME": str(tmp_path), "UNDERSTUDY_API_KEY": KEY}
    for line in command_lines(block):
        if line.program == "export":
            assert line.words[1].partition("=")[0] in environ
            continue
        ran = subprocess.run(
            ["sh", "-c", with_address(line.text, server)],
            env=environ,
            capture_output=True,
            text=True,
            timeout=2 * WAIT,
            check=False,
        )
        assert ran.returncode == 0, f"{line.text}\n{ran.stdout}{ran.stderr}"
        reply = json.loads(ran.stdout)
        environ["ID"] = reply.get("id", "")
    if block.page == "docs/guides/videos.md":
        # A machine that draws slowly answers before the video is there.
        assert reply["state"] in {"dreaming", "completed"}
    if block.page == "docs/guides/webhooks.md":
        assert reply["signing_secret"].startswith("whsec_")
        # The shared server is not to send events to the example's address.
        assert server.ask("DELETE", f"/v1/webhook_endpoints/{reply['id']}").status == 200


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_command_in_a_sentence_exists(page):
    named = [code for code in read_inline_code(page) if code.startswith(("understudy ", "scripts/"))]
    missing = [code for code in named if code.startswith("understudy ") and not inline_command_exists(code)]
    missing += [code for code in named if code.startswith("scripts/") and not (ROOT / code.split()[0]).exists()]
    assert missing == []


# The rest


@each_of["toml"]
def test_a_settings_block_loads(block, tmp_path):
    if block.page in OTHER_SETTINGS:
        assert tomllib.loads(block.text)
        return
    (tmp_path / "understudy.toml").write_text(block.text)
    loaded = settings.load(
        environ=dict.fromkeys(("HOSTED_KEY", "AZURE_KEY", "ANTHROPIC_API_KEY", "JINA_KEY"), "secret"),
        directory=tmp_path,
    )
    assert any(source == str(tmp_path / "understudy.toml") for source in loaded.sources.values())


@each_of["yaml"]
def test_yaml_parses(block):
    assert yaml.safe_load(block.text)


@each_of["json"]
def test_a_json_block_parses(block):
    def unique(pairs):
        assert len(dict(pairs)) == len(pairs), pairs
        return dict(pairs)

    assert json.loads(block.text, object_pairs_hook=unique)


@each_of["js"]
def test_a_js_block_is_a_module(block):
    command = [environment("console").node, "--check", "--input-type=module", "-"]
    done = subprocess.run(command, input=block.text, capture_output=True, text=True, timeout=WAIT, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("block", blocks_of("nginx"), ids=str)
def test_a_proxy_configuration_names_the_port_of_the_server(block):
    assert "127.0.0.1:8642" in block.text
    assert block.text.count("{") == block.text.count("}")


@each_of["text"]
def test_a_text_block_is_the_help_of_a_command(block):
    # `scripts/pages.py --check` compares it with the command's current help.
    assert block.page == "docs/reference/commands.md"
    assert block.text.startswith(f"Usage: {block.section}")


@each_of["mermaid"]
def test_a_diagram_names_files_that_exist(block):
    assert block.text.startswith(("flowchart ", "sequenceDiagram\n"))
    named = re.findall(r"\b(?:\w+/)*\w+\.py\b", block.text)
    package = ROOT / "src" / "understudy"
    assert [name for name in named if not any(package.rglob(name))] == []


def test_every_error_code_is_explained():
    source = "".join(path.read_text("utf-8") for path in (ROOT / "src" / "understudy").rglob("*.py"))
    codes = set(re.findall(r"\bcode=\"(\w+)\"", source))
    codes |= {f"upstream_{kind}" for kind in ("authentication", "unreachable", "server_error", "malformed")}
    page = (ROOT / "docs" / "reference" / "errors.md").read_text("utf-8")
    assert codes - set(re.findall(r"`(\w+)`", page)) == set()


def test_the_architecture_page_lists_every_part():
    package = ROOT / "src" / "understudy"
    page = (ROOT / "docs" / "explanation" / "design.md").read_text("utf-8")
    rows = re.findall(r"^\| ((?:`[\w/]+`(?:, )?)+) \|", page, re.MULTILINE)
    listed = [name for row in rows for name in re.findall(r"`([^`]+)`", row)]
    assert len(listed) == len(set(listed))
    assert [name for name in listed if not (package / name).exists() and not (package / f"{name}.py").exists()] == []
    assert {folder.parent.name for folder in package.glob("*/__init__.py")} <= set(listed)
