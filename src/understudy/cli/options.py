"""The flags that commands share. They are texts here; the settings parse and validate them."""

import functools
from collections.abc import Callable
from typing import Any

import click

STORE = ("config", "data", "database", "broker")
"""The flags of every command that works with settings."""

_FLAGS = {
    "config": ("FILE", "The settings file.  [default: ./understudy.toml if it exists]"),
    "data": ("DIRECTORY", "The data directory.  [default: ./understudy-data]"),
    "database": ("URL", "postgresql://… in place of SQLite inside the data directory."),
    "broker": ("URL", "redis://… to share work with other processes.  [default: memory]"),
    "host": ("ADDRESS", "An address to listen on, or unix:PATH; repeatable.  [default: 127.0.0.1]"),
    "port": ("NUMBER", "The port to listen on; 0 picks a free one.  [default: 8642]"),
    "log_level": ("LEVEL", "debug, info, warning or error.  [default: info]"),
    "log_format": ("FORMAT", "text or json.  [default: text]"),
}


def with_settings(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Adds the named flags to a command, whose first argument becomes the `LoadedSettings`."""

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def command(**parameters: Any) -> None:
            from understudy.settings import load

            flags = {name: parameters.pop(name) for name in names}
            if "host" in flags:
                flags["host"] = ",".join(flags["host"]) or None
            function(load(flags), **parameters)

        for name in reversed(names):
            metavar, text = _FLAGS[name]
            flag = "--" + name.replace("_", "-")
            command = click.option(flag, name, metavar=metavar, help=text, multiple=name == "host")(command)
        return command

    return decorate


def with_server(function: Callable[..., None]) -> Callable[..., None]:
    """Adds `--base-url` and `--key` to a command that is a client of a server; each is None if unset."""

    @functools.wraps(function)
    def command(**parameters: Any) -> None:
        try:
            function(**parameters)
        except ValueError as error:
            raise click.UsageError(str(error)) from None

    which = "A key of the server.  [default: UNDERSTUDY_API_KEY or AIML_API_KEY]"
    where = "The server's address.  [default: UNDERSTUDY_BASE_URL, AIML_API_BASE or http://127.0.0.1:8642/v1]"
    command = click.option("--key", metavar="KEY", help=which)(command)
    return click.option("--base-url", metavar="URL", help=where)(command)


def with_period(function: Callable[..., None]) -> Callable[..., None]:
    """Adds `--period` to a command that sets a spend limit."""
    return click.option(
        "--period",
        type=click.Choice(["no_reset", "day", "week", "month"]),
        default="month",
        show_default=True,
        help="The period of the limit, after which spending counts from 0 again.",
    )(function)


def with_json_flag(function: Callable[..., None]) -> Callable[..., None]:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(function)
