"""The project's rules hold, and each notices what breaks it."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def rules():
    spec = importlib.util.spec_from_file_location("rules", ROOT / "scripts" / "rules.py")
    module = importlib.util.module_from_spec(spec)
    # A dataclass looks its module up by name while it is made.
    import sys

    sys.modules["rules"] = module
    spec.loader.exec_module(module)
    return module


def broken(rules, root, path, text):
    file = root / "src" / "understudy" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return list(rules.violations(root))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("wire/runs.py", "from understudy import ids"),
        ("settings/load.py", "from understudy.wire import runs"),
        ("store/runs.py", "import understudy.engine.loop"),
        ("engine/loop.py", "def f():\n    from understudy.api.runs import x"),
        ("llm/openai.py", "from understudy.tools import run"),
        ("api/runs.py", "from understudy.app import create_app"),
    ],
)
def test_an_import_that_does_not_go_down_is_reported(rules, tmp_path, path, text):
    assert "which does not stand below it" in broken(rules, tmp_path, path, text)[0]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("engine/run/log.py", "from understudy.engine.views.frames import RunEncoder"),
        ("engine/run/log.py", "from understudy.engine import views"),
        ("engine/run/state.py", "import understudy.wire.run_events"),
        ("engine/run/state.py", "from understudy.wire import response_events"),
        ("engine/run/spec.py", "from understudy.wire.runs import RunObject"),
        ("engine/run/prompt.py", "from understudy.wire.response_tools import ResponseTool"),
    ],
)
def test_a_run_that_imports_a_dialect_is_reported(rules, tmp_path, path, text):
    assert "which belongs to a dialect" in broken(rules, tmp_path, path, text)[0]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("engine/views/frames.py", "from understudy.wire import run_events"),
        ("engine/run/outcome.py", "from understudy.wire.run_outcome import RunStatus"),
        ("engine/loop.py", "from understudy.store.runs import Runs\nfrom understudy import __version__, clock"),
        ("settings/load.py", "from understudy.errors import SettingsError\nfrom understudy.settings import model"),
        ("cli/serve.py", "from understudy.app import create_app"),
        ("store/runs.py", "QUERY = 'SELECT 1'"),
        ("api/runs.py", "'SELECTED'"),
    ],
)
def test_allowed_modules_pass(rules, tmp_path, path, text):
    assert broken(rules, tmp_path, path, text) == []


@pytest.mark.parametrize(
    "sql", ["SELECT a FROM b", "\n  DELETE FROM b", "UPDATE b SET a = 1", "INSERT INTO b VALUES (1)"]
)
def test_sql_outside_the_store_is_reported(rules, tmp_path, sql):
    assert "SQL outside store/" in broken(rules, tmp_path, "api/runs.py", f"QUERY = {sql!r}")[0]


@pytest.mark.parametrize("path", ["utils.py", "helpers/x.py", "api/common.py"])
def test_a_module_with_a_vague_name_is_reported(rules, tmp_path, path):
    assert "name it after what it owns" in broken(rules, tmp_path, path, "")[0]


@pytest.mark.parametrize(
    "text",
    [
        "def tell_client(): ...",
        "class Hearing: ...",
        "class A:\n    async def _shown(self): ...",
        "class KeyShown: ...",
        "def render(said): ...",
        "told = []",
    ],
)
def test_a_definition_whose_name_is_not_a_term_of_the_field_is_reported(rules, tmp_path, text):
    assert "is not a term of the field" in broken(rules, tmp_path, "api/runs.py", text)[0]


@pytest.mark.parametrize("text", ["def intellect(): ...", "def not_found(): ...", "def render(saida): ..."])
def test_a_definition_that_contains_only_the_letters_of_such_a_word_passes(rules, tmp_path, text):
    assert broken(rules, tmp_path, "api/runs.py", text) == []


def test_a_verb_alone_that_names_functions_of_many_modules_is_reported(rules, tmp_path):
    for number in range(5):
        assert broken(rules, tmp_path, f"api/part{number}.py", "class A:\n    def _read(self): ...") == []
    (found,) = broken(rules, tmp_path, "api/part5.py", "async def _read(): ...")
    assert "'_read' is defined 6 times" in found
    assert broken(rules, tmp_path, "api/part5.py", "async def _read_parts(): ...") == []


@pytest.mark.parametrize(
    "text",
    [
        '"""The store does not answer."""',
        '"""Lets the run go on."""',
        "# Another worker takes it up.",
        "# Whoever reads this",
        "MESSAGE = 'The model is told\\nof it'",
        "# Those are no plurals.",
        "def fail(url):\n    raise ValueError(f'The URL {url} is none')",
    ],
)
def test_an_obscure_wording_is_reported(rules, tmp_path, text):
    assert "is not a plain wording" in broken(rules, tmp_path, "api/runs.py", text)[0]


@pytest.mark.parametrize("text", ['LIMIT = 1\n"""Of one statement."""', "# Whose calls are stored", "# Of pages"])
def test_a_text_without_its_noun_is_reported(rules, tmp_path, text):
    assert "leaves out its noun" in broken(rules, tmp_path, "api/runs.py", text)[0]


def test_a_wording_of_a_page_is_checked_outside_of_code(rules, tmp_path):
    (tmp_path / "README.md").write_text("`goes on` is a value.\nThe run goes on.\n")
    assert ["README.md:2: 'goes on'" in line for line in rules.violations(tmp_path)] == [True]


def test_a_page_that_does_not_exist_is_reported(rules, tmp_path):
    missing = "docs/no/" + "page.md"  # divided: the rule reads this file, too
    (tmp_path / "README.md").write_text(f"[Limits]({missing})")
    assert f"{missing} does not exist" in broken(rules, tmp_path, "ids.py", "")[0]
