"""The console's modules joined into few files, since the number of requests takes most of the time of a first load.

A module becomes a function with its text, in which imports, exports and `import()` are replaced; `app/linker.js` runs
it. Only the forms of imports and exports that the console's modules have are supported, and others are refused; a test
compares what is found with a JavaScript parser.
"""

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

ENTRY: Final = "app/main.js"
LINKER: Final = "app/linker.js"
BUNDLES: Final = "bundles/"
"""The path of a bundle is this prefix and the path of its module; the bundle has that module and its imports."""

_IMPORT: Final = re.compile(
    r'^import (?:(?P<default>\w+) from |\* as (?P<all>\w+) from |\{(?P<names>[^}]*)\} from )?"(?P<path>[^"]+)";$',
    re.MULTILINE,
)
_DECLARATION: Final = re.compile(
    r"^export (?P<default>default )?(?P<text>(?:async function|function|class|const)\*? ?(?P<name>\w+))", re.MULTILINE
)
_DEFAULT: Final = re.compile(r"(?:^;?|(?<=\)\(\);))export default (?!async |function|class)", re.MULTILINE)
_LIST: Final = re.compile(r'(?:^|(?<=[;}]))export ?\{(?P<names>[^}]*)\}(?: from "(?P<path>[^"]+)")?;?$', re.MULTILINE)
_LEFT: Final = re.compile(r"(?:^|;|\})(?:import|export)\b(?! ?[(=:.]).*", re.MULTILINE)
_TOP_LEVEL_AWAIT: Final = re.compile(r"^(?:await\b|const .*= await\b|if \(.*\) await\b)", re.MULTILINE)


@dataclass(frozen=True)
class Module:
    """`imports` are paths below the console's folder; `exports` has the names for others, and the values here."""

    path: str
    imports: tuple[str, ...]
    exports: dict[str, str]
    body: str
    is_async: bool

    def render(self, define: str) -> str:
        """In parentheses, since browsers then compile the function at once, and not a second time when it is called."""
        exports = ", ".join(f"{name}: {value}" for name, value in self.exports.items())
        prefix = "async " if self.is_async else ""
        function = f"{prefix}function ($run, $load, $meta) {{\n{self.body}\nreturn {{ {exports} }};\n}}"
        return f'{define}("{self.path}", ({function}));\n'


def parse_module(path: str, text: str) -> Module:
    """Raises ValueError for an unsupported form of import or export."""
    rewriter = _Rewriter(path)
    text = _IMPORT.sub(rewriter.replace_import, text)
    text = _DECLARATION.sub(rewriter.replace_declaration, text)
    text = _DEFAULT.sub(rewriter.replace_default, text)
    text = _LIST.sub(rewriter.replace_list, text)
    if left := _LEFT.search(text):
        raise ValueError(f"{path}: unsupported form of import or export: {left[0][:80]}")
    is_async = _TOP_LEVEL_AWAIT.search(text) is not None
    if not path.startswith("vendor/"):
        text = text.replace("import(", "$load(").replace("import.meta", "$meta")
    return Module(path, tuple(dict.fromkeys(rewriter.imports)), rewriter.exports, text, is_async)


class _Rewriter:
    """Collects what a module imports and exports, while it replaces both."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.imports: list[str] = []
        self.exports: dict[str, str] = {}

    def replace_import(self, found: re.Match[str]) -> str:
        module = self._add_import(found["path"])
        if found["names"] is not None:
            return f"const {{{found['names'].replace(' as ', ': ')}}} = {module};"
        if found["default"]:
            return f"const {{ default: {found['default']} }} = {module};"
        return f"const {found['all']} = {module};" if found["all"] else f"{module};"

    def replace_declaration(self, found: re.Match[str]) -> str:
        self.exports["default" if found["default"] else found["name"]] = found["name"]
        return found["text"]

    def replace_default(self, _: re.Match[str]) -> str:
        self.exports["default"] = "$default"
        return "\nconst $default = "

    def replace_list(self, found: re.Match[str]) -> str:
        source = f"{self._add_import(found['path'])}." if found["path"] else ""
        for one in filter(None, map(str.strip, found["names"].split(","))):
            value, _, name = one.partition(" as ")
            self.exports[name or value] = source + value
        return ""

    def _add_import(self, target: str) -> str:
        self.imports.append(resolve(self._path, target))
        return f'$run("{self.imports[-1]}")'


def resolve(path: str, target: str) -> str:
    """Resolves `target`, as the module at `path` imports it, to a path."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), target))


class Bundler:
    """`texts` are the modules by their paths."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts
        self._modules: dict[str, Module] = {}

    def has_module(self, path: str) -> bool:
        return path in self._texts

    def find_modules(self, path: str) -> list[Module]:
        """The module and all that it imports, directly or not."""
        found = [path]
        for one in found:
            found += [target for target in self._open_module(one).imports if target not in found]
        return [self._open_module(one) for one in found]

    def render(self, path: str, shell: tuple[str, ...]) -> str:
        """The bundle of the module at `path`. Modules that `shell` imports are only in the bundle of its first one."""
        if path == shell[0]:
            modules = {one.path: one for root in shell for one in self.find_modules(root)}
            return self._render_shell(list(modules.values()))
        loaded = {module.path for root in shell for module in self.find_modules(root)}
        defined = "".join(one.render("$define") for one in self.find_modules(path) if one.path not in loaded)
        return f"export default (function ($define) {{\n{defined}}});\n"

    def _render_shell(self, modules: list[Module]) -> str:
        linker = self._texts[LINKER].replace("export function", "function")
        start = "const linker = createLinker(new URL('../../', import.meta.url).href);\n"
        defined = "".join(one.render("linker.define") for one in modules)
        return f'{linker}{start}{defined}await linker.run("{modules[0].path}");\n'

    def _open_module(self, path: str) -> Module:
        if path not in self._modules:
            self._modules[path] = parse_module(path, self._texts[path])
        return self._modules[path]
