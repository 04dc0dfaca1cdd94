"""`understudy completion`: the shell's completion of this command, printed or installed."""

import os
from pathlib import Path
from typing import Final

import click
from click.shell_completion import get_completion_class

_PLACES: Final = {
    "bash": "~/.local/share/bash-completion/completions/understudy",
    "zsh": "~/.local/share/zsh/site-functions/_understudy",
    "fish": "~/.config/fish/completions/understudy.fish",
}
_HINTS: Final = {
    "bash": "It is loaded by new shells, if the package bash-completion is installed.",
    "zsh": "Add this to ~/.zshrc, above compinit:  fpath=(~/.local/share/zsh/site-functions $fpath)",
    "fish": "It is loaded by new shells.",
}


@click.command()
@click.argument("shell", type=click.Choice(list(_PLACES)), required=False)
@click.option("--install", is_flag=True, help="Write it to where the shell finds it, instead of printing it.")
@click.pass_context
def completion(context: click.Context, *, shell: str | None, install: bool) -> None:
    """Print or install the completion for bash, zsh or fish.  [default: the shell of SHELL]"""
    name = shell or Path(os.environ.get("SHELL", "")).name
    completion_class = get_completion_class(name) if name in _PLACES else None
    if completion_class is None:
        raise click.UsageError(f"Completion for the shell {name!r} is unsupported. Name one of {', '.join(_PLACES)}.")
    root = context.find_root().command
    # bash: the class's own `source` starts bash to check its version, which printing does not need.
    script = completion_class(root, {}, "understudy", "_UNDERSTUDY_COMPLETE")
    text = script.source_template % script.source_vars()
    if not install:
        click.echo(text)
        return
    place = Path(_PLACES[name]).expanduser()
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, "utf-8")
    click.echo(f"Wrote {place}. {_HINTS[name]}")
