"""Running code in a test: all that it said, taken apart."""

import asyncio
import struct
import zlib
from contextlib import aclosing
from dataclasses import dataclass

from understudy.tools.sandbox import Error, ExecutionEnd, Image, Note, Stream, Value

WAIT = 30.0


@dataclass(frozen=True)
class Ran:
    outputs: list

    @property
    def ended(self):
        """The last output, which is the only one of its kind."""
        assert [one for one in self.outputs if isinstance(one, ExecutionEnd)] == self.outputs[-1:]
        return self.outputs[-1]

    @property
    def status(self):
        return self.ended.status

    @property
    def text(self):
        """What was printed and displayed."""
        return "".join(one.text for one in self.outputs if isinstance(one, Stream | Value))

    @property
    def value(self):
        return "".join(one.text for one in self.outputs if isinstance(one, Value))

    @property
    def images(self):
        return [one for one in self.outputs if isinstance(one, Image)]

    @property
    def notes(self):
        return [one for one in self.outputs if isinstance(one, Note)]

    @property
    def error(self):
        (error,) = (one for one in self.outputs if isinstance(one, Error))
        return error


async def run(session, code):
    async with asyncio.timeout(WAIT), aclosing(session.execute(code)) as said:
        return Ran([output async for output in said])


async def ok(session, code):
    """The value of the code, which has to end well."""
    ran = await run(session, code)
    assert ran.status == "ok", ran.outputs
    return ran.value


async def until(check):
    """What `check` returns as soon as it is true, or what it is awaited for."""
    async with asyncio.timeout(WAIT):
        while True:
            found = check()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return found
            await asyncio.sleep(0.005)


async def once(data):
    yield data


async def content(session, name):
    return b"".join([piece async for piece in session.read(name)])


def pixels(png):
    """Width, height, and the bytes of the picture with their filters; of a PNG that is not interlaced."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    at, data, size = 8, b"", None
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        body = png[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            size = struct.unpack(">II", body[:8])
        if kind == b"IDAT":
            data += body
        at += 12 + length
    return (*size, zlib.decompress(data))
