"""deploy/ names only settings and commands that exist, and its linters find nothing."""

import json
import re
import shlex
import shutil
import subprocess

import pytest

from clients.environments import environment
from deploy.reading import COMPOSE, DEPLOY, ROOT, UNITS, read_unit
from docs.command_lines import parse_understudy
from serving import WAIT
from understudy.settings.layer import setting_paths
from understudy.settings.source import CLIENT_VARIABLES, CONFIG_VARIABLE, PREFIX

TEXTS = sorted(path for path in DEPLOY.rglob("*") if path.is_file())
NODES = {name: service for name, service in COMPOSE["services"].items() if "understudy" in service["image"]}
SETTINGS = {PREFIX + "__".join(path).upper() for path in setting_paths("NAME")} | {CONFIG_VARIABLE, *CLIENT_VARIABLES}


def lint(*command, cwd=ROOT):
    done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT, cwd=cwd, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_every_variable_is_a_setting(path):
    named = set(re.findall(rf"\b{PREFIX}[A-Z0-9_]+\b", path.read_text()))
    assert named <= SETTINGS


def test_every_command_is_one_of_the_program():
    image = (DEPLOY / "container" / "Containerfile").read_text()
    commands = [json.loads(match) for match in re.findall(r"^(?:HEALTHCHECK.* )?CMD (\[.*\])$", image, re.MULTILINE)]
    commands += [service["command"] for service in NODES.values()]
    commands += [shlex.split(read_unit(path)["Service"]["ExecStart"])[3:] for path in UNITS]
    commands += [shlex.split(line) for path in TEXTS for line in re.findall(r"--rm worker (.+)", path.read_text())]
    assert len(commands) >= 8
    for words in commands:
        assert parse_understudy([word for word in words if word != "understudy"])


def test_the_image_is_private_to_an_unprivileged_user():
    image = (DEPLOY / "container" / "Containerfile").read_text()
    stages = re.findall(r"^FROM (\S+)", image, re.MULTILINE)
    assert len(stages) == 2
    assert not any("/" in name for name in stages)
    (user,) = re.findall(r"^USER (\d+):\d+$", image, re.MULTILINE)
    assert int(user) >= 10000
    assert image.index("USER") < image.index("ENTRYPOINT")
    assert 'ENTRYPOINT ["tini", "--", "understudy"]' in image
    for copied in re.findall(r"^COPY (?!--from)(\S+)|(?:-r|bash) (requirements/\S+)", image, re.MULTILINE):
        assert (ROOT / (copied[0] or copied[1])).exists()


@pytest.mark.parametrize("name", NODES)
def test_containers_have_a_read_only_file_system_and_no_capabilities(name):
    service = NODES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    stop, shutdown = service["stop_grace_period"], service["environment"]["UNDERSTUDY_SHUTDOWN_SECONDS"]
    assert int(stop.removesuffix("s")) > int(shutdown)


def test_a_container_has_bounded_logs_and_memory_and_a_check_of_its_health():
    for name, service in COMPOSE["services"].items():
        assert service["logging"]["options"]["max-size"], name
        if name in NODES:
            assert service["env_file"] == [".env"]
            assert service["mem_limit"]
    # The image checks the nodes; a worker listens on its port for metrics alone.
    worker = COMPOSE["services"]["worker"]
    program, *command = worker["healthcheck"]["test"][1:]
    assert program == "understudy"
    assert parse_understudy(command) == ("health",)
    assert command[-1].endswith(f":{worker['environment']['UNDERSTUDY_METRICS__PORT']}")


def test_images_have_short_names_and_volumes_are_declared():
    for service in COMPOSE["services"].values():
        assert re.fullmatch(r"[a-z]+:[\w.]+", service["image"])
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert source in COMPOSE["volumes"] or (DEPLOY / "compose" / source).exists()


def test_no_two_containers_share_a_data_directory():
    homes = [volume for service in NODES.values() for volume in service["volumes"] if volume.endswith(":/data")]
    assert len(homes) == len(set(homes)) == len(NODES)


def test_the_profile_of_the_sandbox_allows_what_bubblewrap_needs():
    profile = json.loads((DEPLOY / "container" / "seccomp-sandbox.json").read_text())
    refused = {name for rule in profile["syscalls"] for name in rule["names"] if rule["action"] == "SCMP_ACT_ERRNO"}
    assert profile["defaultAction"] == "SCMP_ACT_ALLOW"
    assert not refused & {
        "clone",
        "clone3",
        "unshare",
        "mount",
        "umount2",
        "pivot_root",
        "setns",
        "sethostname",
        "prctl",
    }
    assert {"bpf", "init_module", "kexec_load", "reboot"} <= refused


def test_the_linter_of_images_finds_nothing():
    lint(environment("deploy").program("hadolint"), DEPLOY / "container" / "Containerfile")


def test_the_linter_of_yaml_finds_nothing():
    rules = "{extends: relaxed, rules: {line-length: {max: 140}}}"
    files = [path for path in TEXTS if path.suffix in {".yaml", ".yml"} and "templates" not in path.parts]
    lint(environment("deploy").program("yamllint"), "--strict", "-d", rules, *files)


def test_systemd_accepts_the_units(tmp_path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed")
    folder = tmp_path / "units"
    folder.mkdir()
    for path in [*UNITS, *DEPLOY.glob("systemd/*.timer")]:
        # Its warnings, as of unknown keys, do not change the exit code.
        text = path.read_text().replace("/opt/understudy/.venv/bin/python", shutil.which("true"))
        (folder / path.name.replace("@.", "@1.")).write_text(text)
    assert lint("systemd-analyze", "verify", *sorted(folder.iterdir())) == ""


def test_a_unit_waits_longer_than_its_server_needs():
    for path in UNITS:
        service = read_unit(path)["Service"]
        if service.get("Type") == "notify":
            assert int(service["TimeoutStopSec"]) > 4
            assert service["ExecReload"] == "/bin/kill -HUP $MAINPID"
