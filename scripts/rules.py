"""The project's own rules, each a short check of the source's syntax tree. Prints what breaks them, and exits 1 then.

Run by scripts/check. A rule stands here because no linter knows it: the import direction, where SQL lives, and names.
"""

import ast
import hashlib
import json
import re
import sys
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "understudy"
TOOLKIT = "packages/understudy-toolkit/src/understudy_toolkit"

LAYERS = (
    {"__main__"},
    {"cli"},
    {"toolkit"},
    {"app"},
    {"api", "console", "site"},
    {"engine"},
    {"tools", "llm", "media", "importing", "oidc"},
    {"retrieval"},
    {"store", "broker", "blobs"},
    {"net", "logs", "otel"},
    {
        "wire",
        "errors",
        "ids",
        "clock",
        "settings",
        "telemetry",
        "correlation",
        "tracing",
        "text",
        "redaction",
        "looper",
        "pacing",
        "parent_death",
        "child_processes",
    },
)
"""A part imports itself and the parts of later lines, never those of its own line or above."""

DIALECT_MODULES = re.compile(
    r"engine\.views\b|wire\.(runs|run_events|steps|messages|responses|response_\w+|input_items|input_parsing|client_items)\b"
)
"""The objects of the two dialects, and the views that render them. `engine/run` knows neither dialect."""

LEAF_IMPORTS = {("settings", "errors"), ("looper", "errors"), ("tracing", "correlation")}
"""What a leaf may import all the same."""

FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "manager", "managers", "core", "common", "service", "services"}
# A trace and a search need the field's terms: render, parse, receive, store, request, find.
FORBIDDEN_WORDS = re.compile(
    r"(^|_)(say|says|said|saying|tell|tells|told|telling|hear|hears|heard|hearing|speak|speaks|speaking|asked|asking"
    r"|shown|kept|given|wanted|begun|held)(_|$)"
)
FORBIDDEN_VARIABLES = {"told", "said", "heard"}
_SINGLE_WORD = re.compile(r"_[a-z]+")
_WORD_STARTS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

FORBIDDEN_PHRASES = re.compile(
    r"\b([Ww]hoever|at rest|go(es)? on|went on|(is|are) none|(is|are) no(?! (longer|more))"
    r"|(is|are|was|were|be|been) (told|said|asked|heard|shown|given|begun)"
    r"|(does|did|do) not answer|t(akes?|aken|ook)( it| them)? up(?! to)|asks? the (model|provider|store)"
    r"|hands? back|handed back)\b"
)
"""Wordings of texts, docstrings and comments. The plain words: not found, timed out, unavailable, resumes."""

MAX_SHARED_VERBS = 5
"""A private function whose name is a verb without an object may have that many namesakes, with itself."""

HEADLESS_TEXT = re.compile(r'(# |""")(Of|Whose|By which|For which) ')
"""The beginning of a text that leaves out its noun: `Of one statement.`, for the limit of one statement."""

PAGE_PATH = re.compile(r"\bdocs/[\w/-]+\.md\b")

TEXT_TOKENS = {tokenize.STRING, tokenize.COMMENT, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}

SQL = re.compile(r"\s*(SELECT\s|INSERT INTO\s|UPDATE \w+ SET\s|DELETE FROM\s|CREATE TABLE\s|WITH \w+ AS\s)")


@dataclass(frozen=True, slots=True)
class Module:
    """`parts` are the names below the package: `("store", "keys")`; empty for the package itself."""

    path: Path
    parts: tuple[str, ...]
    tree: ast.Module


def violations(root: Path) -> Iterator[str]:
    """A line for each broken rule below `root`, the checkout."""
    yield from names(root)
    package = list(modules(root / "src" / PACKAGE))
    yield from shared_verbs(package)
    for module in package:
        yield from import_direction(module)
        yield from dialects_in_the_run(module)
        yield from sql_outside_the_store(module)
        yield from forbidden_words(module)
        yield from forbidden_phrases(module)
    for module in modules(root / TOOLKIT):
        yield from imports_of_the_server(module)
        yield from forbidden_words(module)
        yield from forbidden_phrases(module)
    yield from forbidden_phrases_of_pages(root)
    yield from missing_pages(root)
    yield from vendored_files(root / "src" / PACKAGE / "console" / "vendor")


def modules(package: Path) -> Iterator[Module]:
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        yield Module(path, parts[:-1] if parts[-1] == "__init__" else parts, ast.parse(path.read_bytes()))


def names(root: Path) -> Iterator[str]:
    """A module is named after what it owns."""
    for folder in ("src", "packages", "tests", "benchmarks", "scripts"):
        for path in sorted((root / folder).rglob("*.py")):
            for word in {*path.relative_to(root).parts[1:-1], path.stem} & FORBIDDEN_NAMES:
                yield f"{path}: {word!r} says nothing of what is in it; name it after what it owns"


def import_direction(module: Module) -> Iterator[str]:
    """Imports go down the layers, so that each part can be read without those above it."""
    if not module.parts:
        return
    own = module.parts[0]
    for line, target in imported_parts(module):
        if target == own or (own, target) in LEAF_IMPORTS:
            continue
        if layer(target) <= layer(own):
            yield f"{module.path}:{line}: {own} imports {target}, which does not stand below it"


def imports_of_the_server(module: Module) -> Iterator[str]:
    """The toolkit is installed without the server."""
    for line, name in imported_names(module):
        yield f"{module.path}:{line}: the toolkit imports {PACKAGE}.{name}"


def dialects_in_the_run(module: Module) -> Iterator[str]:
    """A run is executed without the objects of a dialect."""
    if module.parts[:2] != ("engine", "run"):
        return
    for line, name in imported_names(module):
        if found := DIALECT_MODULES.match(f"{name}."):
            yield f"{module.path}:{line}: engine/run imports {found[0]}, which belongs to a dialect"


def sql_outside_the_store(module: Module) -> Iterator[str]:
    """All SQL is in store/, in reach of the tests that run on both databases."""
    if module.parts[:1] == ("store",):
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.match(node.value):
            yield f"{module.path}:{node.lineno}: SQL outside store/"


def forbidden_words(module: Module) -> Iterator[str]:
    """Functions, methods and classes have names that an engineer from outside would search for."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.arg | ast.Name):
            name = node.arg if isinstance(node, ast.arg) else node.id
            if name in FORBIDDEN_VARIABLES:
                yield f"{module.path}:{node.lineno}: {name!r} is not a term of the field; see CONTRIBUTING.md"
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        words = _WORD_STARTS.sub("_", node.name).lower()
        if FORBIDDEN_WORDS.search(words):
            yield f"{module.path}:{node.lineno}: {node.name!r} is not a term of the field; see CONTRIBUTING.md"


def shared_verbs(package: Sequence[Module]) -> Iterator[str]:
    """A verb alone, such as `_read`, says less in a trace and to a search than verb and object."""
    places: dict[str, list[str]] = {}
    for module in package:
        for node in ast.walk(module.tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and _SINGLE_WORD.fullmatch(node.name):
                places.setdefault(node.name, []).append(f"{module.path}:{node.lineno}")
    for name, found in places.items():
        if len(found) > MAX_SHARED_VERBS:
            yield f"{', '.join(found)}: {name!r} is defined {len(found)} times; name its objects"


def forbidden_phrases(module: Module) -> Iterator[str]:
    """Texts, docstrings and comments are in plain technical English."""
    with module.path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type not in TEXT_TOKENS:
                continue
            for phrase in phrases(token.string):
                yield f"{module.path}:{token.start[0]}: {phrase!r} is not a plain wording; see CONTRIBUTING.md"
            if found := HEADLESS_TEXT.match(token.string):
                yield f"{module.path}:{token.start[0]}: a text that begins with {found[2]!r} leaves out its noun"


def forbidden_phrases_of_pages(root: Path) -> Iterator[str]:
    """The same of README, CHANGELOG, CONTRIBUTING, the pages, and the modules and texts of the console."""
    console = [path for path in (root / "src" / PACKAGE / "console").rglob("*.js") if "vendor" not in path.parts]
    for page in sorted([*root.glob("*.md"), *root.glob("docs/**/*.md"), *console]):
        for number, line in enumerate(page.read_text().splitlines(), 1):
            for phrase in phrases(re.sub("`[^`]*`", "", line)):
                yield f"{page}:{number}: {phrase!r} is not a plain wording; see CONTRIBUTING.md"


def missing_pages(root: Path) -> Iterator[str]:
    """A page of the documentation that another file names exists. Links between pages are checked by scripts/docs."""
    folders = [
        path
        for folder in ("src", "packages", "tests", "scripts", "benchmarks")
        for path in (root / folder).rglob("*.py")
    ]
    for path in sorted([*root.glob("*.md"), *folders]):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            for name in PAGE_PATH.findall(line):
                if not (root / name).exists():
                    yield f"{path}:{number}: {name} does not exist"


def vendored_files(folder: Path) -> Iterator[str]:
    """Third-party files of the console are those that scripts/vendor has copied from locked packages."""
    if not folder.exists():
        return
    files = json.loads((folder / "manifest.json").read_text())["files"]
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {"manifest.json"}
    for name in sorted(found ^ set(files)):
        yield f"{folder / name}: not the same as the list in manifest.json; run scripts/vendor"
    for name in sorted(found & set(files)):
        if hashlib.sha256((folder / name).read_bytes()).hexdigest() != files[name]["sha256"]:
            yield f"{folder / name}: changed by hand; run scripts/vendor"


def phrases(text: str) -> list[str]:
    return [found.group().lower() for found in FORBIDDEN_PHRASES.finditer(" ".join(text.split()))]


def imported_parts(module: Module) -> Iterator[tuple[int, str]]:
    """The first name below the package of everything of ours that a module imports, with its line."""
    for line, name in imported_names(module):
        yield line, name.split(".")[0]


def imported_names(module: Module) -> Iterator[tuple[int, str]]:
    """The dotted names below the package of everything of ours that a module imports, with their lines."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == PACKAGE:
            found = [f"{PACKAGE}.{alias.name}" for alias in node.names if not alias.name.startswith("__")]
        elif isinstance(node, ast.ImportFrom):
            found = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in found:
            if name.startswith(f"{PACKAGE}."):
                yield node.lineno, name.removeprefix(f"{PACKAGE}.")


def layer(part: str) -> int:
    for number, parts in enumerate(LAYERS):
        if part in parts:
            return number
    raise SystemExit(f"{part!r} stands in no layer; give it a line in {__file__}.")


def main() -> None:
    broken = list(violations(Path(__file__).resolve().parent.parent))
    print("\n".join(broken) or "The project's rules hold.")
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
