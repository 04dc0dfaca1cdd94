"""The manifest and the tests agree: each behaviour is proven by a test, and no test claims one that is not written down."""

import ast
import functools
import subprocess
import sys
import tomllib
from pathlib import Path

TESTS = Path(__file__).parent.parent
PAGES = sorted((Path(__file__).parent / "manifest").glob("*.toml"))
MANIFEST = {name: entry for page in PAGES for name, entry in tomllib.loads(page.read_text("utf-8")).items()}
MEMBERS = {"source", "description", "divergence"}


@functools.cache
def claims():
    """Each id that a test's mark names, with the test."""
    return [claim for path in sorted(TESTS.rglob("test_*.py")) for claim in read_claims(path)]


def read_claims(path):
    text = path.read_text("utf-8")
    for node in ast.walk(ast.parse(text)) if "proves" in text else ():
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.proves":
                    yield from ((ast.literal_eval(argument), f"{path.name}::{node.name}") for argument in mark.args)


def test_each_behaviour_is_proven_by_a_test():
    assert sorted(MANIFEST.keys() - {behaviour for behaviour, _ in claims()}) == []


def test_each_test_proves_behaviours_that_are_written_down():
    assert [claim for claim in claims() if claim[0] not in MANIFEST] == []


def test_each_behaviour_has_its_source_and_one_sentence():
    for name, behaviour in MANIFEST.items():
        assert {"source", "description"} <= set(behaviour) <= MEMBERS, name
        for sentence in (behaviour["description"], behaviour.get("divergence", ".")):
            assert sentence.endswith("."), name
            assert ". " not in sentence, name


def test_the_page_of_it_is_current():
    program = TESTS.parent / "scripts" / "pages.py"
    done = subprocess.run([sys.executable, program, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
