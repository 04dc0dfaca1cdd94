"""Files behind a gateway: without a shared file system, code of ours in the kernel reads and writes them.

Each request is one expression that leaves no variables in the user's namespace and returns JSON. The replies are
untrusted, so they are validated, and so is each name.
"""

import base64
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Sequence
from typing import Any, Final

import msgspec

from understudy.errors import NoSuchFile, SandboxError, SandboxFull
from understudy.tools.sandbox.files import FILES
from understudy.tools.sandbox.names import component, components, is_safe
from understudy.tools.sandbox.protocol import SandboxFile

Evaluate = Callable[[str], Awaitable[bytes | None]]
"""Evaluates an expression in the kernel, and returns the JSON of its value; None if it raised."""

_PIECE: Final = 512 * 1024
_CLAIM_FILE: Final = ".understudy-session"

_SOURCE: Final = """
import base64, errno, hashlib, json, os, stat
from IPython.display import JSON

def entered(path):
    parts = path.split("/")
    folder = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
    for part in parts[:-1]:
        below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
        os.close(folder)
        folder = below
    return folder, parts[-1]

def opened(path):
    folder, name = entered(path)
    try:
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    finally:
        os.close(folder)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(errno.EINVAL, "not a regular file")
    return os.fdopen(file, "rb")

def prepare():
    os.makedirs(top, exist_ok=True)
    os.chdir(top)

def claim(mark):
    try:
        os.close(os.open(os.path.join(top, mark), os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        return False
    return True

def write(begun, data, first):
    with open(os.path.join(top, begun), "xb" if first else "ab") as file:
        file.write(base64.b64decode(data))

def place(begun, name):
    os.replace(os.path.join(top, begun), os.path.join(top, name))

def drop(begun):
    if os.path.exists(os.path.join(top, begun)):
        os.remove(os.path.join(top, begun))

def link(name, begun, alias):
    alias = os.path.join(top, alias)
    if os.path.lexists(alias) and not os.path.islink(alias):
        return
    os.symlink(name, os.path.join(top, begun))
    os.replace(os.path.join(top, begun), alias)

def listed(most):
    found = []
    for folder, folders, names in os.walk(top):
        folders[:] = [one for one in folders if not one.startswith((".", "__pycache__"))]
        for name in names:
            path = os.path.relpath(os.path.join(folder, name), top)
            try:
                with opened(path) as file:
                    status = os.fstat(file.fileno())
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError:
                continue
            found.append({"name": path, "size": status.st_size, "modified": status.st_mtime, "digest": digest})
            if len(found) == most:
                return found
    return found

def read(path, start, size):
    with opened(path) as file:
        file.seek(start)
        return base64.b64encode(file.read(size)).decode()

def remove(path):
    folder, name = entered(path)
    try:
        os.unlink(name, dir_fd=folder)
    finally:
        os.close(folder)

try:
    answer = {"value": globals()[verb](*json.loads(arguments))}
except OSError as error:
    answer = {"errno": errno.errorcode.get(error.errno, ""), "text": str(error.strerror)}
answer = JSON({"value": None, "errno": "", "text": "", **answer})
"""

_MISSING_FILE_ERRNOS: Final = {"ENOENT", "ENOTDIR", "ELOOP", "EINVAL", "ENXIO", "EISDIR"}
_NO_SPACE_ERRNOS: Final = {"ENOSPC", "EDQUOT", "EFBIG"}


class _FileReply(msgspec.Struct, frozen=True):
    value: msgspec.Raw
    errno: str
    text: str


class _FileEntry(msgspec.Struct, frozen=True):
    name: str
    size: int
    modified: float
    digest: str


class GatewayFiles:
    def __init__(self, folder: str, evaluate: Evaluate) -> None:
        self._folder = folder
        self._evaluate = evaluate
        self._puts = 0

    async def prepare(self) -> None:
        """Creates the folder and makes it the working directory."""
        await self._call_file_helper(self._folder, "prepare")

    async def claim(self) -> None:
        """Called once for each kernel. Raises SandboxError if another session uses the folder: it could read these
        files.
        """
        if not _decode_as(await self._call_file_helper(self._folder, "claim", _CLAIM_FILE), bool):
            raise SandboxError(
                f"The gateway's kernels share the folder {self._folder!r}, but each session needs its own. "
                "Give each kernel a container of its own."
            )

    async def put(self, name: str, content: AsyncIterable[bytes]) -> None:
        target, temporary = component(name), self._temporary_name()
        try:
            await self._call_file_helper(name, "write", temporary, "", True)
            async for piece in content:
                for start in range(0, len(piece), _PIECE):
                    data = base64.b64encode(piece[start : start + _PIECE]).decode()
                    await self._call_file_helper(name, "write", temporary, data, False)
            await self._call_file_helper(name, "place", temporary, target)
        except SandboxError:
            await self._call_file_helper(name, "drop", temporary)
            raise

    async def link(self, alias: str, name: str) -> None:
        await self._call_file_helper(alias, "link", component(name), self._temporary_name(), component(alias))

    async def list(self) -> Sequence[SandboxFile]:
        entries = _decode_as(await self._call_file_helper("/", "listed", FILES), tuple[_FileEntry, ...])
        files = [SandboxFile(one.name, one.size, one.modified, one.digest) for one in entries]
        return sorted((file for file in files if all(map(is_safe, file.name.split("/")))), key=lambda file: file.name)

    async def read(self, name: str) -> AsyncGenerator[bytes, None]:
        path, start = "/".join(components(name)), 0
        while piece := base64.b64decode(
            _decode_as(await self._call_file_helper(name, "read", path, start, _PIECE), str)
        ):
            start += len(piece)
            yield piece

    async def remove(self, name: str) -> None:
        await self._call_file_helper(name, "remove", "/".join(components(name)))

    def _temporary_name(self) -> str:
        self._puts += 1
        return f".put-{self._puts}"

    async def _call_file_helper(self, name: str, verb: str, *arguments: Any) -> msgspec.Raw:
        request = {"top": self._folder, "verb": verb, "arguments": msgspec.json.encode(arguments).decode()}
        result = await self._evaluate(f"(lambda names: (exec({_SOURCE!r}, names), names['answer'])[1])({request!r})")
        if result is None:
            raise SandboxError(f"The kernel behind the gateway returned no result for the file {name!r}.")
        reply = _decode_as(result, _FileReply)
        if reply.errno in _MISSING_FILE_ERRNOS:
            raise NoSuchFile(f"The sandbox has no regular file {name!r}.")
        if reply.errno in _NO_SPACE_ERRNOS:
            raise SandboxFull(f"The sandbox has no room left for {name!r}.")
        if reply.errno:
            raise SandboxError(f"The sandbox's file {name!r} cannot be used: {reply.text}.")
        value: msgspec.Raw = reply.value
        return value


def _decode_as(data: msgspec.Raw | bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise SandboxError("The kernel behind the gateway returned a malformed reply.") from error
