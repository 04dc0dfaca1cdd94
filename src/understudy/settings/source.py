"""The sources of settings: flags, `UNDERSTUDY_*` variables and `understudy.toml`."""

import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from understudy.errors import SettingsError
from understudy.settings.layer import KeyPath, Layer, Setting, dotted_name, parse_settings, unknown_setting_error

PREFIX = "UNDERSTUDY_"
CONFIG_VARIABLE = "UNDERSTUDY_CONFIG"
CLIENT_VARIABLES = {"UNDERSTUDY_BASE_URL", "UNDERSTUDY_FROM_KEY"}
"""Addresses and keys for commands that are clients; not settings of a server."""
FILE_NAME = "understudy.toml"


def from_flags(flags: Mapping[str, str | None], directory: Path) -> list[Setting]:
    """Flags by the name of their setting; None is unset."""
    layer = Layer(spell=_flag_name, place="on the command line", directory=directory)
    return list(parse_settings({name: value for name, value in flags.items() if value is not None}, layer))


def from_environment(environ: Mapping[str, str], directory: Path, providers: Iterable[str]) -> list[Setting]:
    """The `UNDERSTUDY_*` variables; an empty one is unset, as in a compose file's `${X:-}`.

    `providers` are the names from the file: a variable cannot spell the `-` in them.
    """
    layer = Layer(spell=_variable_name, place="in the environment", directory=directory)
    names = {name.replace("-", "_"): name for name in providers}
    settings: list[Setting] = []
    for variable, value in environ.items():
        if variable.startswith(PREFIX) and variable not in {CONFIG_VARIABLE, *CLIENT_VARIABLES} and value.strip():
            settings += _parse_variable(variable, value, layer, names)
    return settings


def from_file(named: str | None, environ: Mapping[str, str], directory: Path) -> list[Setting]:
    """The settings of the named file, else of `UNDERSTUDY_CONFIG`, else of ./understudy.toml if it exists."""
    named = named or environ.get(CONFIG_VARIABLE) or None
    path = directory / Path(named or FILE_NAME).expanduser()
    if named is None and not os.path.lexists(path):  # a folder without permission has no file either
        return []
    place = f"in the file {path}"
    layer = Layer(spell=dotted_name, place=place, directory=path.parent, text=False, origin=str(path))
    return list(parse_settings(_read_document(path), layer))


def _flag_name(path: KeyPath) -> str:
    return "--" + path[-1].replace("_", "-")


def _variable_name(path: KeyPath) -> str:
    return PREFIX + "__".join(path).upper().replace("-", "_")


def _parse_variable(variable: str, value: str, layer: Layer, providers: Mapping[str, str]) -> Iterator[Setting]:
    path = tuple(variable.removeprefix(PREFIX).lower().split("__"))
    if layer.spell(path) != variable:
        raise unknown_setting_error(path, layer, variable)
    if path[0] == "providers" and len(path) > 1:
        path = (path[0], providers.get(path[1], path[1]), *path[2:])
    document: Any = value
    for name in reversed(path):
        document = {name: document}
    return parse_settings(document, layer)


def _read_document(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"The settings file {str(path)!r} does not exist.") from None
    except OSError as error:
        raise SettingsError(f"The settings file {str(path)!r} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"The settings file {str(path)!r} is not UTF-8 text.") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"The settings file {str(path)!r} is not valid TOML: {error}.") from error
