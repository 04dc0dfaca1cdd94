"""The modules of the console that need no browser, tested in Node; and what joins modules for browsers."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from clients.environments import environment
from serving import WAIT
from understudy import console
from understudy.console.bundles import Bundler, parse_module, resolve

UNIT = Path(__file__).parent / "unit"
FOLDER = Path(console.__file__).parent
_JSDOC = re.compile(r"/\*\*.*?\*/", re.DOTALL)


def test_pure_modules_in_node():
    command = [environment("console").node, "--test", "--test-reporter=spec", *sorted(UNIT.glob("*.test.mjs"))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=2 * WAIT, check=False)
    assert done.returncode == 0, done.stdout[-6000:]


@pytest.fixture(scope="module")
def texts():
    """Every module of the console, by its path."""
    return {path.relative_to(FOLDER).as_posix(): path.read_text() for path in sorted(FOLDER.rglob("*.js"))}


def test_joined_modules_import_and_export_what_a_parser_finds(texts):
    home = environment("console")
    command = [home.node, UNIT / "module_forms.mjs", FOLDER, home.home / "node_modules" / "eslint" / "package.json"]
    done = subprocess.run(command, input="\n".join(texts), capture_output=True, text=True, timeout=WAIT, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    forms = json.loads(done.stdout)
    for path, text in texts.items():
        module, form = parse_module(path, text), forms[path]
        assert set(module.imports) == {resolve(path, one) for one in form["imports"]}, path
        assert set(module.exports) == set(form["exports"]), path
        assert module.is_async == form["waits"], path
        code = _JSDOC.sub("", module.body)
        assert code.count("$load(") == form["loads"], path
        assert code.count("$meta") == form["metas"], path


def test_no_module_imports_itself_through_others(texts):
    """A joined module is run when it is first imported, and has to have run by then what it imports."""
    bundler = Bundler(texts)
    for path in texts:
        for module in bundler.find_modules(path):
            assert path not in module.imports, f"{path} and {module.path} import each other"


def test_a_module_that_waits_is_only_loaded_when_it_is_needed(texts):
    """What imports it statically would get a promise."""
    waiting = {path for path, text in texts.items() if parse_module(path, text).is_async}
    assert waiting
    assert not [path for path, text in texts.items() if waiting & set(parse_module(path, text).imports)]


@pytest.mark.parametrize("text", ["import a, { b } from './c.js';", 'export * from "./c.js";', "export let a = 1;"])
def test_an_unknown_form_of_import_or_export_is_refused(text):
    with pytest.raises(ValueError, match=r"a\.js: unsupported form"):
        parse_module("a.js", text)
