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
from understudy.settings.secret import mask_setting
from understudy.settings.value import convert, describe_allowed

KeyPath = tuple[str, ...]
"""The names down to a setting: `("limits", "concurrent_runs")`."""

NAMED_TABLES: Mapping[str, type[msgspec.Struct]] = {"models": ModelSettings, "providers": ProviderSettings}
"""Tables of tables, each named by who writes the settings."""

_PROVIDER_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


def dotted_name(path: KeyPath) -> str:
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

    def locate(self, path: KeyPath) -> str:
        return f"`{self.spell(path)}` {self.place}"


@dataclass(frozen=True, slots=True)
class Setting:
    path: KeyPath
    value: Any
    layer: Layer

    @property
    def source(self) -> str:
        return self.layer.origin or self.layer.spell(self.path)

    def invalid_value_error(self, demand: str) -> SettingsError:
        return invalid_value_error(self.layer, self.path, self.value, demand)


def invalid_value_error(layer: Layer, path: KeyPath, value: object, demand: str) -> SettingsError:
    """The sentence about a wrong value; `demand` says what it must be."""
    seen = mask_setting(path, list(value) if isinstance(value, tuple) else value)
    return SettingsError(f"{layer.locate(path)} is {seen!r}; it must be {demand}.")


def parse_settings(table: Mapping[str, Any], layer: Layer) -> Iterator[Setting]:
    """Every setting of a nested table, converted. Raises SettingsError at the first wrong key or value."""
    return _parse_fields(table, Settings, (), layer)


def _parse_fields(
    table: Mapping[str, Any], struct: type[msgspec.Struct], path: KeyPath, layer: Layer
) -> Iterator[Setting]:
    types = {field.name: field.type for field in msgspec.structs.fields(struct)}
    for name, value in table.items():
        here = (*path, name)
        if name not in types:
            raise unknown_setting_error(here, layer)
        yield from _parse_field(value, types[name], here, layer)


def _parse_field(value: object, annotation: Any, path: KeyPath, layer: Layer) -> Iterator[Setting]:
    if path == ("providers",):
        for name, table in _require_table(value, path, layer).items():
            yield from _parse_provider(name, table, layer)
    elif path == ("models",):
        for name, table in _require_table(value, path, layer).items():
            yield from _parse_fields(_require_table(table, (*path, name), layer), ModelSettings, (*path, name), layer)
    elif isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        yield from _parse_fields(_require_table(value, path, layer), annotation, path, layer)
    else:
        yield Setting(path, _convert_value(value, annotation, path, layer), layer)


def _parse_provider(name: str, table: object, layer: Layer) -> Iterator[Setting]:
    path = ("providers", name)
    if not _PROVIDER_NAME.fullmatch(name) or name == "rehearsal":
        raise SettingsError(
            f"{layer.locate(path)} cannot be a provider's name; it must be lower-case letters, digits, `-` and `_`, "
            "and not 'rehearsal', which is the embedded model."
        )
    if not _require_table(table, path, layer):
        raise SettingsError(f"{layer.locate(path)} is empty; give it `base_url`, `api_key` or `api_key_env`.")
    yield from _parse_fields(_require_table(table, path, layer), ProviderSettings, path, layer)


def _require_table(value: object, path: KeyPath, layer: Layer) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise invalid_value_error(layer, path, value, "a table of settings")
    return value


def _convert_value(value: object, annotation: Any, path: KeyPath, layer: Layer) -> Any:
    try:
        result = convert(value, annotation, text=layer.text)
    except ValueError:
        raise invalid_value_error(layer, path, value, describe_allowed(annotation)) from None
    return layer.directory / result if isinstance(result, Path) else result


def unknown_setting_error(path: KeyPath, layer: Layer, written: str | None = None) -> SettingsError:
    """The sentence about a key that is no setting, with the nearest one that is; `written` is how it was spelt."""
    name = path[1] if path[0] in NAMED_TABLES and len(path) > 1 else "NAME"
    keys = {part for known in known_paths(name) for part in (known[:1], known)}
    spelled = {dotted_name(known): layer.spell(known) for known in keys}
    near = difflib.get_close_matches(dotted_name(path), spelled, n=1, cutoff=0.6)
    advice = f"did you mean `{spelled[near[0]]}`?" if near else "`understudy config` lists what can be set."
    return SettingsError(f"`{written or layer.spell(path)}` {layer.place} is not a setting; {advice}")


def known_paths(named: str) -> Iterator[KeyPath]:
    """Every setting there is; those of a provider and of a model under the given name."""
    for field in msgspec.structs.fields(Settings):
        if field.name in NAMED_TABLES:
            yield from ((field.name, named, name) for name in _field_names(NAMED_TABLES[field.name]))
        elif isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            yield from ((field.name, name) for name in _field_names(field.type))
        else:
            yield (field.name,)


def _field_names(struct: type[msgspec.Struct]) -> Iterator[str]:
    return (field.name for field in msgspec.structs.fields(struct))
