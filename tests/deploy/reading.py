"""The files of deploy/, parsed."""

import configparser
import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
_REFERENCE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


def read_unit(path):
    """The values of a unit by section and name; of a repeated name, the last."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str
    parser.read_string(path.read_text())
    return parser


def substitute(text, variables):
    """What compose makes of `${NAME}`, `${NAME:-default}` and `${NAME:?error}`."""

    def replace(match):
        name, sign, rest = match.groups()
        value = variables.get(name, "")
        if not value and sign == "?":
            raise ValueError(f"{name}: {rest}")
        return value or (rest if sign == "-" else "")

    return _REFERENCE.sub(replace, text)
