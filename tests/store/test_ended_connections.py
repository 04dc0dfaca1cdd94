"""A connection that PostgreSQL ends while nobody uses it: what a server says that stops."""

import asyncio
import struct

import pytest

from understudy.errors import StoreUnavailable
from understudy.store.postgres import PostgresDatabase

TERMINATED = b"SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0"


def message(kind, body):
    return kind + struct.pack("!i", len(body) + 4) + body


GREETING = (
    message(b"R", struct.pack("!i", 0))
    + message(b"S", b"server_version\x0016.0\0")
    + message(b"S", b"client_encoding\0UTF8\0")
    + message(b"K", struct.pack("!ii", 1, 1))
    + message(b"Z", b"I")
)


def query():
    return (yield "SELECT 1", ())


async def test_a_connection_that_the_server_has_ended_is_named_so_and_replaced():
    connections = []

    async def greet(reader, writer):
        connections.append(writer)
        (length,) = struct.unpack("!i", await reader.readexactly(4))
        await reader.readexactly(length - 4)
        writer.write(GREETING)

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        database = await PostgresDatabase.connect(f"postgresql://u:secret@127.0.0.1:{port}/d?sslmode=disable")
        connections[0].write(message(b"E", TERMINATED))
        await connections[0].drain()
        for _ in range(20):
            await asyncio.sleep(0)
        with pytest.raises(StoreUnavailable, match="failed: the server has ended the connection"):
            await database.read(query)
        connections[0].close()
        reading = asyncio.create_task(database.read(query))
        while len(connections) < 2:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await database.close()
        connections[1].close()
