"""Command lines of shell blocks, held against the commands and the scripts that they name."""

import os
import re
import shlex
from dataclasses import dataclass

import click
from benchmarks.__main__ import parse_command_line

from docs.blocks import ROOT, Block
from understudy.cli import commands


@dataclass(frozen=True)
class CommandLine:
    """`text` as it is in the page, `words` as the shell gives them, without assignments in front."""

    text: str
    words: list[str]

    @property
    def program(self):
        return self.words[0]


def command_lines(block: Block) -> list[CommandLine]:
    lines = block.text.replace("\\\n", " ").splitlines()
    return [CommandLine(line, _words(line)) for line in lines if _words(line)]


def _words(line):
    words = shlex.split(line, comments=True)
    while words and re.match(r"[A-Z_]+=", words[0]):
        del words[0]
    return words


def parse_understudy(arguments: list[str]) -> tuple[str, ...]:
    """The names of the command, whose flags and arguments are all known and complete; else click's UsageError."""
    command, context, names = commands, None, ()
    arguments = list(arguments)
    while True:
        context = command.make_context(command.name, arguments, parent=context)
        if not isinstance(command, click.Group):
            return names
        name, command, arguments = command.resolve_command(context, [*context._protected_args, *context.args])
        names += (name,)


def parse_script(words: list[str]) -> None:
    """The script is there, can be executed, and takes these arguments."""
    name, arguments = words[0].rpartition("scripts/")[2], words[1:]
    script = ROOT / "scripts" / name
    assert os.access(script, os.X_OK), f"{script} cannot be executed"
    match name:
        case "serve":
            parse_understudy(["serve", *(argument for argument in arguments if argument != "--no-setup")])
        case "bench":
            parse_command_line(arguments)
        case "setup":
            (wanted,) = arguments or ["dev"]
            assert wanted == "interpreter" or (ROOT / "requirements" / f"{wanted}.txt").exists(), wanted
        case _:
            assert arguments == [], f"scripts/{name} is not known to take {arguments}; say here how it reads them"


def inline_command_exists(code: str) -> bool:
    """Whether the words after `understudy` name a command, as far as they are words: `understudy tools call SLUG`."""
    command = commands
    for word in code.split()[1:]:
        if not isinstance(command, click.Group) or not re.fullmatch(r"[a-z][a-z-]*", word):
            return True
        if word not in command.commands:
            return False
        command = command.commands[word]
    return True
