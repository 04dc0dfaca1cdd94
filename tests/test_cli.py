"""The commands, run as a user runs them: what they print, where, and with which exit code."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import launches
from understudy import __version__
from understudy.cli import commands
from understudy.store import open_store
from upstream import Upstream, fault

ROOT = Path(__file__).parent.parent
KEY = "sk-0123456789abcdefghij"
WAIT = 30


@pytest.fixture
def understudy(tmp_path):
    """Runs the command in an empty folder with nothing but the given variables."""

    def run(*arguments, code=0, **environ):
        done = launches.run(arguments, {"PATH": os.environ["PATH"], **environ}, directory=tmp_path)
        assert done.returncode == code, done.stderr
        return done

    return run


@pytest.fixture
def store(tmp_path):
    """The data directory that a server has created in the folder where `understudy` runs."""

    async def create():
        await (await open_store(tmp_path / "understudy-data")).close()

    asyncio.run(create())


def table(done):
    return {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines()}


def test_help_names_every_command_and_the_exit_codes(understudy):
    text = understudy("--help").stdout
    for word in ("serve", "keys", "config", "doctor", "version", "Exit codes"):
        assert word in text


def test_version_starts_without_the_server(understudy):
    program = (
        "import sys; from understudy.cli import commands; commands(['version'], standalone_mode=False);"
        "print([name for name in ('fastapi', 'starlette', 'aiohttp', 'uvicorn', 'asyncio') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=WAIT, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert json.loads(understudy("version", "--json").stdout).keys() == {"understudy", "python", "sqlite", "platform"}


def test_the_server_starts_without_importing_document_readers():
    heavy = [
        "bs4",
        "boto3",
        "chardet",
        "cryptography",
        "fastembed",
        "lxml",
        "markdownify",
        "numpy",
        "office_oxide",
        "olefile",
        "oxmsg",
        "pypdfium2",
    ]
    program = f"import sys, understudy.app; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=WAIT, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_wrong_flag_and_a_wrong_command_are_usage_errors(understudy):
    assert "No such option" in understudy("serve", "--prot", "1", code=2).stderr
    assert "No such command" in understudy("sevre", code=2).stderr


@pytest.mark.parametrize("command", [["serve"], ["config"], ["doctor"], ["keys", "list"]])
def test_wrong_settings_end_every_command_with_a_sentence(understudy, command):
    done = understudy(*command, code=2, UNDERSTUDY_PORT="x")
    assert done.stderr.startswith("Error: `UNDERSTUDY_PORT` in the environment is 'x'")
    assert done.stdout == ""


def test_config_shows_values_and_sources_and_no_secret(understudy, tmp_path):
    (tmp_path / "understudy.toml").write_text("[limits]\njson_depth = 9\n")
    done = understudy("config", "--data", "kept", OPENAI_API_KEY=KEY)
    rows = table(done)
    assert rows["data"] == [str(tmp_path / "kept"), "--data"]
    assert rows["limits.json_depth"] == ["9", str(tmp_path / "understudy.toml")]
    assert rows["providers.openai.api_key"] == ["sk-…ghij", "OPENAI_API_KEY"]
    assert rows["database"] == ["-", "default"]
    assert KEY not in done.stdout


def test_config_as_json_keeps_types(understudy):
    done = understudy("config", "--json", OPENAI_API_KEY=KEY, UNDERSTUDY_PROVIDERS__OPENAI__MODELS="a,b")
    values = {row["setting"]: row["value"] for row in json.loads(done.stdout)}
    assert (values["port"], values["database"], values["rehearsal.enabled"]) == (8642, None, True)
    assert values["providers.openai.models"] == ["a", "b"]
    assert KEY not in done.stdout


def test_a_key_is_printed_once_listed_by_its_hint_and_revoked(understudy, store):
    created = json.loads(understudy("keys", "create", "--name", "laptop", "--json").stdout)
    listed = understudy("keys", "list")
    assert created["key"] not in listed.stdout
    assert created["hint"] in listed.stdout
    assert "active" in listed.stdout
    assert created["id"] in understudy("keys", "revoke", created["key"]).stdout
    assert json.loads(understudy("keys", "list", "--json").stdout)[0]["revoked_at"] is not None


def test_a_created_key_is_all_there_is_on_stdout(understudy, store):
    done = understudy("keys", "create")
    assert done.stdout.startswith("sk-understudy-")
    assert done.stdout.count("\n") == 1
    assert done.stdout.strip() not in done.stderr


def test_a_project_is_created_listed_and_has_keys_of_its_own(understudy, store):
    made = json.loads(understudy("projects", "create", "team a", "--json").stdout)
    for named in ("team a", made["id"]):
        key = json.loads(understudy("keys", "create", "--project", named, "--json").stdout)
        assert key["project_id"] == made["id"]
    understudy("keys", "revoke", key["id"])
    understudy("keys", "create")
    listed = json.loads(understudy("projects", "list", "--json").stdout)
    assert [(one["name"], one["keys"]) for one in listed] == [("team a", 1), ("default", 1)]
    projects = [key["project"] for key in json.loads(understudy("keys", "list", "--json").stdout)]
    assert projects == ["team a", "team a", "default"]
    assert "team a" in understudy("projects", "list").stdout


def test_creating_an_existing_project_and_using_an_unknown_one_fail_with_its_name(understudy, store):
    understudy("projects", "create", "mine")
    assert "project 'mine' already exists" in understudy("projects", "create", "mine", code=1).stderr
    assert "Project 'yours' not found" in understudy("keys", "create", "--project", "yours", code=1).stderr
    assert "must not be empty" in understudy("projects", "create", " ", code=2).stderr


def test_revoking_an_inactive_key_fails(understudy, store):
    created = json.loads(understudy("keys", "create", "--json").stdout)
    understudy("keys", "revoke", created["id"])
    for key in (created["id"], "key_unknown"):
        assert "Unknown or ambiguous key" in understudy("keys", "revoke", key, code=1).stderr


BESIDE_A_SERVER = [
    ["keys", "create"],
    ["keys", "list"],
    ["keys", "revoke", "key_1"],
    ["keys", "rotate", "key_1"],
    ["projects", "create", "a"],
    ["projects", "list"],
    ["projects", "archive", "default", "--yes"],
    ["credits", "grant", "5USD"],
    ["credits", "withdraw", "5USD"],
    ["credits", "limit", "5USD", "--project", "default"],
    ["credits", "unlimit"],
    ["credits", "show"],
    ["credits", "history"],
    ["limits", "show"],
    ["limits", "set", "requests_per_minute=5", "--project", "default"],
    ["webhooks", "endpoints"],
    ["webhooks", "deliveries"],
    ["webhooks", "replay", "whd_1"],
    ["reindex"],
    ["backup", "copy"],
    ["export", "--out", "copy"],
    ["delete", "--metadata", "user=1", "--yes"],
]


@pytest.mark.parametrize("command", BESIDE_A_SERVER, ids=" ".join)
def test_a_command_in_a_folder_without_a_server_names_the_directory_and_creates_nothing(understudy, tmp_path, command):
    done = understudy(*command, code=1)
    assert done.stderr.startswith(f"Error: The data directory '{tmp_path / 'understudy-data'}' does not exist. ")
    assert "--data or UNDERSTUDY_DATA" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_a_command_with_another_directory_or_a_file_names_it(understudy, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "file").touch()
    assert "other' is not a data directory" in understudy("keys", "list", "--data", "other", code=1).stderr
    assert "file' is a file, not a data directory" in understudy("keys", "list", UNDERSTUDY_DATA="file", code=1).stderr
    assert list((tmp_path / "other").iterdir()) == []


def test_a_command_for_a_postgres_without_our_tables_names_the_database(understudy, tmp_path, empty_postgres):
    for command in (["keys", "create"], ["reindex"]):
        stderr = understudy(*command, "--database", empty_postgres, code=1).stderr
        assert stderr.startswith("Error: The PostgreSQL database 'test_")
        assert "has no tables of Understudy. Start the server with it first" in stderr
    assert list(tmp_path.iterdir()) == []


def test_every_command_that_opens_the_store_is_among_those_that_create_nothing():
    """A new one has to be added above; the others need no store, or create it."""
    no_store = {"config", "doctor", "serve", "worker", "sandbox check", "import", "restore"}
    found = set()
    for name, command in commands.commands.items():
        for child, one in getattr(command, "commands", {"": command}).items():
            if any(option.name == "data" for option in one.params):
                found.add(f"{name} {child}".strip())
    listed = {
        " ".join(words[: 1 if words[0] in {"reindex", "backup", "export", "delete"} else 2])
        for words in BESIDE_A_SERVER
    }
    assert found - no_store == listed


@pytest.mark.parametrize(
    "group", [[], ["keys"], ["projects"], ["credits"], ["limits"], ["tools"], ["webhooks"], ["sandbox"]]
)
def test_a_group_of_commands_without_arguments_prints_its_help_and_succeeds(understudy, group):
    done = understudy(*group)
    assert done.stdout.startswith(f"Usage: {' '.join(['understudy', *group])} [OPTIONS] COMMAND")
    assert done.stdout == understudy(*group, "-h").stdout
    assert done.stderr == ""


def test_the_version_is_an_option_too(understudy):
    assert understudy("--version").stdout == f"understudy {__version__}\n"


def test_the_page_of_commands_shows_both_spellings_of_the_help_option():
    page = (ROOT / "docs" / "reference" / "commands.md").read_text()
    assert page.count("-h, --help") == page.count("```text")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("port = ", "is not valid TOML: "),
        ("prot = 1", "`prot` in the file {path} is not a setting; did you mean `port`?"),
        ('port = "x"', "`port` in the file {path} is 'x'; it must be "),
        ("[limits]\nrun_seconds = -1", "`limits.run_seconds` in the file {path} is -1; it must be "),
        ('[providers.x]\nbase_url = "nowhere"', "`providers.x.base_url` in the file {path} is 'nowhere'; it must be "),
    ],
)
@pytest.mark.parametrize("command", [["serve"], ["keys", "list"], ["doctor"]])
def test_a_settings_file_that_is_wrong_ends_a_command_with_its_name_and_the_value(
    understudy, tmp_path, command, text, sentence
):
    path = tmp_path / "understudy.toml"
    path.write_text(text)
    stderr = understudy(*command, code=2).stderr
    assert sentence.format(path=path) in stderr
    assert str(path) in stderr
    assert "Traceback" not in stderr


def test_no_command_prints_the_password_in_the_url_of_the_database(understudy):
    for url in (
        "postgresql://u@127.0.0.1:9/d?password=hunter2",
        "postgresql://u:hunter2/x@127.0.0.1:9/d",
        "mysql://u:hunter2@h/d",
    ):
        for command in (["keys", "list"], ["config"]):
            done = launches.run([*command, "--database", url], {"PATH": os.environ["PATH"]})
            assert "hunter2" not in done.stdout + done.stderr
            assert "Traceback" not in done.stderr


def test_an_error_of_the_operating_system_is_one_sentence(understudy, tmp_path):
    (tmp_path / "file").touch()
    stderr = understudy("sandbox", "install", "--into", "file/x", code=1).stderr
    assert stderr == f"Error: File exists: {str(tmp_path / 'file')!r}.\n"


def test_a_current_directory_that_is_gone_is_named_as_the_reason(tmp_path):
    script = f"mkdir gone && cd gone && rmdir ../gone && exec {sys.executable} -m understudy keys list"
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=WAIT, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: The current directory cannot be used: ")


def findings(done):
    return {finding["subject"]: finding for finding in json.loads(done.stdout)}


def test_doctor_finds_a_fresh_machine_sound_and_changes_nothing(understudy, tmp_path):
    found = findings(understudy("doctor", "--port", "0", "--json"))
    assert {"python", "sqlite", "data directory", "database", "port", "clock", "open files"} <= found.keys()
    assert "broken" not in {finding["state"] for finding in found.values()}
    assert list(tmp_path.iterdir()) == []


def test_doctor_knows_the_port_of_a_running_server_from_that_of_another_program(understudy, server, upstream):
    for url, state in ((server.url, "ok"), (upstream.url, "warning")):
        port = url.removesuffix("/v1").rpartition(":")[2]
        found = findings(understudy("doctor", "--port", port, "--json"))["port"]
        assert (found["state"], "running Understudy" in found["text"]) == (state, state == "ok")


def test_doctor_lists_the_models_of_each_provider(understudy):
    with Upstream() as upstream:
        found = findings(understudy("doctor", "--port", "0", "--json", OPENAI_BASE_URL=upstream.url))
    assert found["provider openai"]["state"] == "ok"
    assert "has 2 models" in found["provider openai"]["text"]


def test_doctor_fails_if_a_provider_refuses_its_key_and_prints_no_key(understudy):
    with Upstream() as upstream:
        upstream.list_with(fault(401, f"Incorrect API key provided: {KEY}"))
        environ = {"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": KEY}
        done = understudy("doctor", "--port", "0", "--json", code=1, **environ)
    assert findings(done)["provider openai"]["state"] == "broken"
    assert KEY not in done.stdout


def test_doctor_fails_if_the_sign_in_provider_is_unavailable(understudy):
    settings = {
        "ISSUER": "http://127.0.0.1:9",
        "CLIENT_ID": "understudy",
        "PUBLIC_URL": "https://understudy.example.com",
    }
    environ = {f"UNDERSTUDY_OIDC__{name}": value for name, value in settings.items()}
    found = findings(understudy("doctor", "--port", "0", "--json", code=1, **environ))
    assert found["sign-in"]["state"] == "broken"
    assert "http://127.0.0.1:9/.well-known/openid-configuration failed" in found["sign-in"]["text"]


def test_doctor_looks_for_the_bucket(understudy, buckets):
    settings = buckets.settings("doctored")
    given = {
        "kind": "s3",
        "endpoint": settings.endpoint,
        "access_key": "a",
        "secret_key": "b" * 20,
    }
    environ = {f"UNDERSTUDY_BLOBS__{name.upper()}": value for name, value in given.items()}
    there = findings(understudy("doctor", "--port", "0", "--json", UNDERSTUDY_BLOBS__BUCKET="doctored", **environ))
    assert (there["files"]["state"], there["files"]["text"]) == ("ok", "stored in the bucket 'doctored'")
    missing = understudy("doctor", "--port", "0", "--json", code=1, UNDERSTUDY_BLOBS__BUCKET="nowhere", **environ)
    assert findings(missing)["files"]["state"] == "broken"
    assert "b" * 20 not in missing.stdout + missing.stderr


def test_doctor_fails_if_the_database_is_unavailable(understudy):
    url = "postgresql://u:hunter2@127.0.0.1:9/d"
    done = understudy("doctor", "--port", "0", "--database", url, code=1)
    assert "broken   database: Cannot connect to the PostgreSQL database 'd' at 127.0.0.1:9: " in done.stdout
    assert "hunter2" not in done.stdout + done.stderr


def test_doctor_warns_of_a_data_directory_that_others_can_read(understudy, tmp_path):
    (tmp_path / "kept").mkdir(mode=0o755)
    found = findings(understudy("doctor", "--port", "0", "--data", "kept", "--json"))
    assert found["data directory"]["state"] == "warning"
    assert "chmod go-rwx" in found["data directory"]["text"]


def test_the_pages_of_settings_and_commands_are_current():
    command = [sys.executable, "scripts/pages.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=WAIT, check=False)
    assert done.returncode == 0, done.stderr


def test_the_settings_files_in_the_documentation_are_valid(understudy, tmp_path):
    blocks = (ROOT / "docs" / "reference" / "settings.md").read_text().split("```toml\n")[1:]
    assert blocks
    for block in blocks:
        (tmp_path / "understudy.toml").write_text(block.split("```")[0])
        understudy("config", HOSTED_KEY=KEY)


def test_extract_prints_the_text_of_a_document_and_warns_about_lost_parts(understudy, tmp_path):
    (tmp_path / "notes.txt").write_bytes("Größe der Bücher\n".encode() + b"bad \xff byte\n")
    done = understudy("extract", str(tmp_path / "notes.txt"))
    assert done.stdout == "Größe der Bücher\nbad \ufffd byte\n"
    assert done.stderr == "Warning: 1 byte is not valid UTF-8 and became U+FFFD.\n"
    (tmp_path / "a.pdf").write_bytes(b"no pdf")
    assert "The file is not a PDF" in understudy("extract", str(tmp_path / "a.pdf"), code=1).stderr
