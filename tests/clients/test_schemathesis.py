"""The OpenAPI document against the server that serves it, by requests that schemathesis makes up, good and bad."""

import subprocess

import pytest

from clients.environments import environment
from serving import KEY
from upstream import text

# What the document says of an id is that it is a text, so an accepted request may still name nothing that exists.
UNKNOWABLE = "positive_data_acceptance"
# Its stream has no end.
ENDLESS = "/events"
PATIENCE = 900
# A long poll may take its 30 seconds, and a body that is too large is refused with 413.
CONFIG = """
[checks]
max_response_time = 40
negative_data_rejection.expected-statuses = ["4xx"]
"""


def schemathesis(server, directory, *options):
    root = server.url.removesuffix("/v1")
    (directory / "schemathesis.toml").write_text(CONFIG)
    command = [environment("schemathesis").program("schemathesis"), "run", f"{root}/openapi.json", "--origin", root]
    command += ["--header", f"Authorization: Bearer {KEY}", "--checks", "all", "--exclude-checks", UNKNOWABLE]
    command += ["--exclude-path", ENDLESS]
    command += ["--request-timeout", "45", "--warnings", "off", "--no-color", *options]
    return subprocess.run(command, capture_output=True, text=True, cwd=directory, timeout=PATIENCE, check=False)


@pytest.mark.parametrize(
    ("seed", "examples", "phases"),
    [
        (1, 2, "examples,fuzzing"),
        *(pytest.param(seed, 10, "examples,coverage,fuzzing,stateful", marks=pytest.mark.slow) for seed in (2, 3)),
    ],
)
def test_responses_match_the_openapi_document(new_server, upstream, tmp_path, seed, examples, phases):
    upstream.always(text("Hi"))
    server = new_server().start()
    run = schemathesis(server, tmp_path, "--seed", str(seed), "--max-examples", str(examples), "--phases", phases)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "No issues found" in run.stdout
