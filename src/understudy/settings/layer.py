"""One layer of settings: a file, the environment or the flags, as leaves with their source.

A layer has only the settings that were set in it. Knows nothing of the precedence of layers.
"""

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from understudy.errors import SettingsError
from understudy.settings.model import Settings
from understudy.settings.secret import mask_setting
from understudy.settings.sections.models import ModelSettings
from understudy.settings.sections.providers import ProviderSettings
from understudy.settings.value import convert, describe_allowed

KeyPath = tuple[str, ...]
"""The names down to a setting: `("limits", "concurrent_runs")`."""

NAMED_TABLES: Mapping[str, type[msgspec.Struct]] = {"models": ModelSettings, "providers": ProviderSettings}
"""Tables of tables with names that users choose."""

_PROVIDER_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


def dotted_name(path: KeyPath) -> str:
    return ".".join(path)


@dataclass(frozen=True, slots=True)
class Layer:
    """`spell` returns a setting's name in this layer's notation; `place` is a phrase like `in the environment`.

    `origin` is the source of a value; its spelled name if None. Relative paths start at `directory`.
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

    def requirement_error(self, name: str, demand: str | None = None) -> SettingsError:
        """The error for a value that needs the setting `name`, which is unset. `demand` completes `it must be`."""
        must = "" if demand is None else f"; it must be {demand}"
        return SettingsError(f"{self.layer.locate(self.path)} requires `{name}`, which is unset{must}.")


def invalid_value_error(layer: Layer, path: KeyPath, value: object, demand: str) -> SettingsError:
    """The error for an invalid value; `demand` completes `it must be`."""
    masked = mask_setting(path, list(value) if isinstance(value, tuple) else value)
    return SettingsError(f"{layer.locate(path)} is {masked!r}; it must be {demand}.")


def parse_settings(table: Mapping[str, Any], layer: Layer) -> Iterator[Setting]:
    """Every setting of a nested table, converted. Raises SettingsError at the first invalid key or value."""
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
            f"Invalid provider name: {layer.locate(path)}; use lower-case letters, digits, `-` and `_`, "
            "and not 'rehearsal', which is the embedded model."
        )
    if not _require_table(table, path, layer):
        raise SettingsError(f"{layer.locate(path)} is empty; set `base_url`, `api_key` or `api_key_env`.")
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
    """The error for an unknown key, with the nearest setting; `written` is the key as it was written."""
    name = path[1] if path[0] in NAMED_TABLES and len(path) > 1 else "NAME"
    keys = {part for candidate in setting_paths(name) for part in (candidate[:1], candidate)}
    spelled = {dotted_name(candidate): layer.spell(candidate) for candidate in keys}
    nearest = difflib.get_close_matches(dotted_name(path), spelled, n=1, cutoff=0.6)
    advice = f"did you mean `{spelled[nearest[0]]}`?" if nearest else "`understudy config` lists all settings."
    return SettingsError(f"`{written or layer.spell(path)}` {layer.place} is not a setting; {advice}")


def setting_paths(named: str) -> Iterator[KeyPath]:
    """The paths of all settings; those of a provider and of a model under the name `named`."""
    for field in msgspec.structs.fields(Settings):
        if field.name in NAMED_TABLES:
            yield from ((field.name, named, name) for name in _field_names(NAMED_TABLES[field.name]))
        elif isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            yield from ((field.name, name) for name in _field_names(field.type))
        else:
            yield (field.name,)


def _field_names(struct: type[msgspec.Struct]) -> Iterator[str]:
    return (field.name for field in msgspec.structs.fields(struct))
