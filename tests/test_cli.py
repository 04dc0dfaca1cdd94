"""The commands, run as a user runs them: what they print, where, and with which exit code."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from upstream import Upstream, fault

ROOT = Path(__file__).parent.parent
KEY = "sk-0123456789abcdefghij"
WAIT = 30


@pytest.fixture
def understudy(tmp_path):
    """Runs the command in an empty folder with nothing but the given variables."""

    def run(*arguments, code=0, **environ):
        command = [sys.executable, "-m", "understudy", *arguments]
        environ = {"PATH": os.environ["PATH"], **environ}
        done = subprocess.run(
            command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=WAIT, check=False
        )
        assert done.returncode == code, done.stderr
        return done

    return run


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


def test_the_server_starts_without_what_reads_documents():
    heavy = [
        "bs4",
        "boto3",
        "charset_normalizer",
        "cryptography",
        "fastembed",
        "lxml",
        "mammoth",
        "markdownify",
        "numpy",
        "openpyxl",
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


def test_a_key_is_shown_once_listed_by_its_hint_and_revoked_by_itself(understudy):
    created = json.loads(understudy("keys", "create", "--name", "laptop", "--json").stdout)
    listed = understudy("keys", "list")
    assert created["key"] not in listed.stdout
    assert created["hint"] in listed.stdout
    assert "active" in listed.stdout
    assert created["id"] in understudy("keys", "revoke", created["key"]).stdout
    assert json.loads(understudy("keys", "list", "--json").stdout)[0]["revoked_at"] is not None


def test_a_created_key_is_all_there_is_on_stdout(understudy):
    done = understudy("keys", "create")
    assert done.stdout.startswith("sk-understudy-")
    assert done.stdout.count("\n") == 1
    assert done.stdout.strip() not in done.stderr


def test_a_project_is_made_listed_and_given_keys_of_its_own(understudy):
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


def test_a_project_that_is_there_and_one_that_is_not_are_refused_by_name(understudy):
    understudy("projects", "create", "mine")
    assert "a project 'mine' already" in understudy("projects", "create", "mine", code=1).stderr
    assert "No project is called 'yours'" in understudy("keys", "create", "--project", "yours", code=1).stderr
    assert "not empty" in understudy("projects", "create", " ", code=2).stderr


def test_revoking_what_is_not_active_fails(understudy):
    created = json.loads(understudy("keys", "create", "--json").stdout)
    understudy("keys", "revoke", created["id"])
    for key in (created["id"], "key_unknown"):
        assert "No active key is meant by that" in understudy("keys", "revoke", key, code=1).stderr


def test_the_data_directory_is_private(understudy, tmp_path):
    understudy("keys", "create", "--data", "kept")
    assert (tmp_path / "kept").stat().st_mode & 0o777 == 0o700


def findings(done):
    return {finding["subject"]: finding for finding in json.loads(done.stdout)}


def test_doctor_finds_a_fresh_machine_sound_and_changes_nothing(understudy, tmp_path):
    found = findings(understudy("doctor", "--port", "0", "--json"))
    assert {"python", "sqlite", "data directory", "database", "port", "clock", "open files"} <= found.keys()
    assert "broken" not in {finding["state"] for finding in found.values()}
    assert list(tmp_path.iterdir()) == []


def test_doctor_asks_each_provider_for_its_models(understudy):
    with Upstream() as upstream:
        found = findings(understudy("doctor", "--port", "0", "--json", OPENAI_BASE_URL=upstream.url))
    assert found["provider openai"]["state"] == "ok"
    assert "has 2 models" in found["provider openai"]["text"]


def test_doctor_fails_where_a_provider_refuses_its_key_and_shows_no_key(understudy):
    with Upstream() as upstream:
        upstream.list_with(fault(401, f"Incorrect API key provided: {KEY}"))
        environ = {"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": KEY}
        done = understudy("doctor", "--port", "0", "--json", code=1, **environ)
    assert findings(done)["provider openai"]["state"] == "broken"
    assert KEY not in done.stdout


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
    assert (there["files"]["state"], there["files"]["text"]) == ("ok", "their bytes are in the bucket 'doctored'")
    missing = understudy("doctor", "--port", "0", "--json", code=1, UNDERSTUDY_BLOBS__BUCKET="nowhere", **environ)
    assert findings(missing)["files"]["state"] == "broken"
    assert "b" * 20 not in missing.stdout + missing.stderr


def test_doctor_fails_where_the_database_does_not_answer(understudy):
    url = "postgresql://u:hunter2@127.0.0.1:9/d"
    done = understudy("doctor", "--port", "0", "--database", url, code=1)
    assert "broken   database: PostgreSQL does not answer" in done.stdout
    assert "hunter2" not in done.stdout + done.stderr


def test_doctor_warns_of_a_data_directory_that_others_can_read(understudy, tmp_path):
    (tmp_path / "kept").mkdir(mode=0o755)
    found = findings(understudy("doctor", "--port", "0", "--data", "kept", "--json"))
    assert found["data directory"]["state"] == "warning"
    assert "chmod 700" in found["data directory"]["text"]


def test_the_pages_of_settings_and_commands_are_current():
    command = [sys.executable, "scripts/pages.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=WAIT, check=False)
    assert done.returncode == 0, done.stderr


def test_the_settings_files_in_the_documentation_are_valid(understudy, tmp_path):
    blocks = (ROOT / "docs" / "settings.md").read_text().split("```toml\n")[1:]
    assert blocks
    for block in blocks:
        (tmp_path / "understudy.toml").write_text(block.split("```")[0])
        understudy("config", HOSTED_KEY=KEY)
