"""Centers of groups of similar vectors, and the nearest center of a vector. Knows no stored table.

Vectors are compared by an SQLite database in memory, whichever database stores them: Python alone would take a hundred
times as long, and the interpreter is free for others meanwhile. Call these functions in a thread.
"""

import struct
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from math import isqrt, sqrt
from typing import Final

import apsw

from understudy.store.sqlite_connection import open_in_memory

_ROUNDS: Final = 5
_SEARCHED_GROUPS: Final = 2
"""Centers are grouped, and a vector is compared with those of the nearest groups: more groups change little."""

_SUMMED: Final = 256
"""Vectors that are summed at a time: more take much memory."""

_CREATE: Final = "CREATE TABLE centers (place INTEGER PRIMARY KEY, vector BLOB NOT NULL)"
_INSERT: Final = "INSERT INTO centers (place, vector) VALUES (?1, ?2)"
_NEAREST: Final = "SELECT place FROM centers ORDER BY vec_distance_cosine(vector, ?1) LIMIT 1"
_CREATE_GROUPED: Final = (
    "CREATE TABLE grouped (part INTEGER, place INTEGER, vector BLOB NOT NULL, PRIMARY KEY (part, place)) WITHOUT ROWID"
)
_INSERT_GROUPED: Final = "INSERT INTO grouped (part, place, vector) VALUES (?1, ?2, ?3)"
_NEAREST_GROUPED: Final = (
    "SELECT place FROM grouped WHERE part IN (SELECT place FROM centers ORDER BY vec_distance_cosine(vector, ?1)"
    " LIMIT ?2) ORDER BY vec_distance_cosine(vector, ?1) LIMIT 1"
)


def make_centers(sample: Sequence[bytes], count: int) -> tuple[list[bytes], list[float]]:
    """About `count` centers of the vectors, which are little-endian float32, and the share of the vectors of each.

    The vectors are divided into groups first and each group by itself, which takes a fraction of the comparisons.
    """
    heads = _cluster(sample, isqrt(count))
    centers: list[bytes] = []
    for part in _divide(sample, heads):
        if part:
            centers += _cluster(part, max(1, round(count * len(part) / len(sample))))
    with closing(CenterTree(centers)) as tree:
        sizes = Counter(tree.find_places(sample))
    return centers, [sizes[place] / len(sample) for place in range(len(centers))]


class CenterTree:
    """Finds the nearest of some centers; now and then the second nearest."""

    def __init__(self, centers: Sequence[bytes]) -> None:
        heads = _cluster(centers, isqrt(len(centers)))
        self._connection = _open_centers(heads)
        self._connection.execute(_CREATE_GROUPED)
        parts = _find_places(self._connection, centers)
        rows = [(part, place, center) for place, (part, center) in enumerate(zip(parts, centers, strict=True))]
        self._connection.executemany(_INSERT_GROUPED, rows)

    def find_places(self, vectors: Iterable[bytes]) -> list[int]:
        """The place of a center for each vector."""
        found = (self._connection.execute(_NEAREST_GROUPED, (vector, _SEARCHED_GROUPS)) for vector in vectors)
        return [next(rows)[0] for rows in found]

    def close(self) -> None:
        self._connection.close()


def _cluster(vectors: Sequence[bytes], count: int) -> list[bytes]:
    centers = list(dict.fromkeys(vectors[:: max(1, len(vectors) // count)]))[:count]
    for _ in range(_ROUNDS):
        parts = _divide(vectors, centers)
        centers = [_find_middle(part) if part else center for part, center in zip(parts, centers, strict=True)]
    return centers


def _divide(vectors: Sequence[bytes], centers: Sequence[bytes]) -> list[list[bytes]]:
    """The vectors nearest to each center."""
    parts: list[list[bytes]] = [[] for _ in centers]
    with closing(_open_centers(centers)) as connection:
        for vector, place in zip(vectors, _find_places(connection, vectors), strict=True):
            parts[place].append(vector)
    return parts


def _open_centers(centers: Sequence[bytes]) -> apsw.Connection:
    connection = open_in_memory()
    connection.execute(_CREATE)
    connection.executemany(_INSERT, enumerate(centers))
    return connection


def _find_places(connection: apsw.Connection, vectors: Iterable[bytes]) -> list[int]:
    return [next(connection.execute(_NEAREST, (vector,)))[0] for vector in vectors]


def _find_middle(vectors: Sequence[bytes]) -> bytes:
    """The sum in unit length; the first vector where the sum has no direction."""
    layout = f"<{len(vectors[0]) // 4}f"
    total: Iterable[float] = struct.unpack(layout, bytes(len(vectors[0])))
    for start in range(0, len(vectors), _SUMMED):
        part = [struct.unpack(layout, vector) for vector in vectors[start : start + _SUMMED]]
        total = map(sum, zip(total, *part, strict=True))
    summed = list(total)
    length = sqrt(sum(number * number for number in summed))
    return struct.pack(layout, *[number / length for number in summed]) if length else vectors[0]
