"""One layer of settings: a file, the environment or the flags, as leaves that know where they stand.

A layer holds only what was set in it; what is unset stays unset. Knows nothing of how layers are laid over each other.
"""

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from understudy.errors import SettingsError
from understudy.settings.model import ModelSettings, ProviderSettings, Settings
from understudy.settings.secret import shown
from understudy.settings.value import allowed, convert

KeyPath = tuple[str, ...]
"""The names down to a setting: `("limits", "concurrent_runs")`."""

NAMED: Mapping[str, type[msgspec.Struct]] = {"models": ModelSettings, "providers": ProviderSettings}
"""Tables of tables, each named by who writes the settings."""

_PROVIDER_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


def dotted(path: KeyPath) -> str:
    return ".".join(path)


@dataclass(frozen=True, slots=True)
class Layer:
    """`spell` is how the layer writes a setting's name, `place` where it stands, as a phrase.

    `origin` is shown as the source of a value; the spelt name where None. Relative paths start at `directory`.
    """

    spell: Callable[[KeyPath], str]
    place: str
    directory: Path
    text: bool = True
    origin: str | None = None

    def where(self, path: KeyPath) -> str:
        return f"`{self.spell(path)}` {self.place}"


@dataclass(frozen=True, slots=True)
class Leaf:
    path: KeyPath
    value: Any
    layer: Layer

    @property
    def source(self) -> str:
        return self.layer.origin or self.layer.spell(self.path)

    def refusal(self, demand: str) -> SettingsError:
        return refusal(self.layer, self.path, self.value, demand)


def refusal(layer: Layer, path: KeyPath, value: object, demand: str) -> SettingsError:
    """The sentence about a wrong value; `demand` says what it must be."""
    seen = shown(path, list(value) if isinstance(value, tuple) else value)
    return SettingsError(f"{layer.where(path)} is {seen!r}; it must be {demand}.")


def leaves(table: Mapping[str, Any], layer: Layer) -> Iterator[Leaf]:
    """Every setting of a nested table, converted. Raises SettingsError at the first wrong key or value."""
    return _fields(table, Settings, (), layer)


def _fields(table: Mapping[str, Any], struct: type[msgspec.Struct], path: KeyPath, layer: Layer) -> Iterator[Leaf]:
    types = {field.name: field.type for field in msgspec.structs.fields(struct)}
    for name, value in table.items():
        here = (*path, name)
        if name not in types:
            raise unknown(here, layer)
        yield from _field(value, types[name], here, layer)


def _field(value: object, annotation: Any, path: KeyPath, layer: Layer) -> Iterator[Leaf]:
    if path == ("providers",):
        for name, table in _table(value, path, layer).items():
            yield from _provider(name, table, layer)
    elif path == ("models",):
        for name, table in _table(value, path, layer).items():
            yield from _fields(_table(table, (*path, name), layer), ModelSettings, (*path, name), layer)
    elif isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        yield from _fields(_table(value, path, layer), annotation, path, layer)
    else:
        yield Leaf(path, _converted(value, annotation, path, layer), layer)


def _provider(name: str, table: object, layer: Layer) -> Iterator[Leaf]:
    path = ("providers", name)
    if not _PROVIDER_NAME.fullmatch(name) or name == "rehearsal":
        raise SettingsError(
            f"{layer.where(path)} cannot be a provider's name; it must be lower-case letters, digits, `-` and `_`, "
            "and not 'rehearsal', which is the embedded model."
        )
    if not _table(table, path, layer):
        raise SettingsError(f"{layer.where(path)} is empty; give it `base_url`, `api_key` or `api_key_env`.")
    yield from _fields(_table(table, path, layer), ProviderSettings, path, layer)


def _table(value: object, path: KeyPath, layer: Layer) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise refusal(layer, path, value, "a table of settings")
    return value


def _converted(value: object, annotation: Any, path: KeyPath, layer: Layer) -> Any:
    try:
        result = convert(value, annotation, text=layer.text)
    except ValueError:
        raise refusal(layer, path, value, allowed(annotation)) from None
    return layer.directory / result if isinstance(result, Path) else result


def unknown(path: KeyPath, layer: Layer, written: str | None = None) -> SettingsError:
    """The sentence about a key that is no setting, with the nearest one that is; `written` is how it was spelt."""
    name = path[1] if path[0] in NAMED and len(path) > 1 else "NAME"
    keys = {part for known in known_paths(name) for part in (known[:1], known)}
    spelled = {dotted(known): layer.spell(known) for known in keys}
    near = difflib.get_close_matches(dotted(path), spelled, n=1, cutoff=0.6)
    advice = f"did you mean `{spelled[near[0]]}`?" if near else "`understudy config` lists what can be set."
    return SettingsError(f"`{written or layer.spell(path)}` {layer.place} is not a setting; {advice}")


def known_paths(named: str) -> Iterator[KeyPath]:
    """Every setting there is; those of a provider and of a model under the given name."""
    for field in msgspec.structs.fields(Settings):
        if field.name in NAMED:
            yield from ((field.name, named, name) for name in _names(NAMED[field.name]))
        elif isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            yield from ((field.name, name) for name in _names(field.type))
        else:
            yield (field.name,)


def _names(struct: type[msgspec.Struct]) -> Iterator[str]:
    return (field.name for field in msgspec.structs.fields(struct))
