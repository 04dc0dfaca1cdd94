"""Realtime sessions of a cluster: their limit holds for all of its processes."""

import contextlib

import pytest
from websockets.exceptions import ConnectionClosed

from e2e.realtime_sockets import open_realtime, refusal
from waiting import eventually


@pytest.fixture
def nodes(new_node, redis_server):
    settings = {"broker": redis_server.url, "realtime__project_sessions": 2}
    return new_node(**settings).start(), new_node(**settings).start()


def opened(stack, server):
    client = stack.enter_context(open_realtime(server))
    client.receive()
    return client


def can_open(server):
    with contextlib.suppress(Exception), open_realtime(server) as client:
        return client.receive()


def test_sessions_of_all_nodes_count(nodes, upstream):
    first, second = nodes
    with contextlib.ExitStack() as stack:
        opened(stack, first)
        opened(stack, second)
        for node in nodes:
            status, error = refusal(node)
            assert (status, error["code"]) == (429, "rate_limit_exceeded")
            assert "2 open realtime sessions" in error["message"]
    for node in nodes:
        eventually(lambda node=node: can_open(node))


def test_without_redis_each_node_admits_its_share(nodes, redis_server, upstream):
    first, second = nodes
    redis_server.kill()
    with contextlib.ExitStack() as stack:
        for node in nodes:
            opened(stack, node)
            # Once it has noticed that the other node lives.
            eventually(lambda node=node: not can_open(node))
        redis_server.start()
        # What was admitted without Redis counts there afterwards.
        eventually(lambda: not can_open(first) and not can_open(second))


@pytest.mark.slow
def test_sessions_of_a_killed_node_are_free_soon(nodes, upstream):
    first, second = nodes
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.suppress(ConnectionClosed))
        opened(stack, first)
        opened(stack, first)
        assert refusal(second)[0] == 429
        first.kill()
        eventually(lambda: can_open(second), within=30)


def test_sessions_of_all_processes_behind_a_port_count(new_server, postgres, redis_server, upstream):
    server = new_server(database=postgres, broker=redis_server.url, realtime__project_sessions=3)
    server.flags = ("--processes", "2")
    server.start()
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            opened(stack, server)
        for _ in range(4):
            assert refusal(server)[0] == 429
