"""The URLs of brokers, parsed. Texts about them have no user and no password.

redis://user:password@host:6379/0              one server; rediss:// with TLS
unix:///run/redis/redis.sock?db=0              one server, by its socket
redis+sentinel://host:26379,host/service/0     the primary that Sentinel names; rediss+sentinel:// with TLS
redis+cluster://host:6379,host:6380            Cluster; rediss+cluster:// with TLS
"""

from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

Topology = Literal["single", "unix", "sentinel", "cluster"]

_TOPOLOGIES: Final[dict[str, Topology]] = {
    "redis": "single",
    "rediss": "single",
    "unix": "unix",
    "redis+sentinel": "sentinel",
    "rediss+sentinel": "sentinel",
    "redis+cluster": "cluster",
    "rediss+cluster": "cluster",
}
_TLS_FILES: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_QUERY: Final = {"db", "sentinel_username", "sentinel_password", *_TLS_FILES}
_PORT: Final = 6379
_SENTINEL_PORT: Final = 26379


@dataclass(frozen=True, slots=True)
class RedisUrl:
    topology: Topology
    hosts: tuple[tuple[str, int], ...] = ()
    path: str = ""
    service: str = ""
    db: int = 0
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    sentinel_username: str | None = field(default=None, repr=False)
    sentinel_password: str | None = field(default=None, repr=False)
    uses_tls: bool = False
    tls_files: tuple[tuple[str, str], ...] = ()
    """Paths by the names that redis-py has for them."""

    def __str__(self) -> str:
        """`Redis at host:6379`, for sentences."""
        if self.topology == "unix":
            return f"Redis at {self.path}"
        addresses = ", ".join(f"{host}:{port}" for host, port in self.hosts)
        if self.topology == "sentinel":
            return f"Redis {self.service!r} of the Sentinels at {addresses}"
        return f"Redis {'Cluster ' if self.topology == 'cluster' else ''}at {addresses}"


def parse_url(url: str) -> RedisUrl:
    """Raises ValueError, whose text has nothing of the URL but the names of its parts."""
    parts = _split(url)
    topology = _TOPOLOGIES.get(parts.scheme)
    if topology is None:
        raise ValueError(f"its scheme must be one of {', '.join(_TOPOLOGIES)}")
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if unknown := query.keys() - _QUERY:
        raise ValueError(f"its query has the unknown parameter {min(unknown)!r}; known are {', '.join(sorted(_QUERY))}")
    account, _, netloc = parts.netloc.rpartition("@")
    username, _, password = account.partition(":")
    segments = [unquote(segment) for segment in parts.path.split("/")[1:] if segment]
    service = segments.pop(0) if topology == "sentinel" and segments else ""
    if topology == "sentinel" and not service:
        raise ValueError("after its hosts it must name the service: redis+sentinel://host:26379/SERVICE")
    return RedisUrl(
        topology,
        hosts=() if topology == "unix" else _parse_hosts(netloc, _SENTINEL_PORT if service else _PORT),
        path=unquote(parts.path) if topology == "unix" else "",
        service=service,
        db=_parse_db(topology, query.get("db"), [] if topology == "unix" else segments),
        username=unquote(username) or None,
        password=unquote(password) or None,
        sentinel_username=query.get("sentinel_username"),
        sentinel_password=query.get("sentinel_password"),
        uses_tls=parts.scheme.startswith("rediss"),
        tls_files=tuple((name, query[name]) for name in _TLS_FILES if name in query),
    )


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError("it must be a URL") from None
    if parts.fragment or "@" in parts.path:
        raise ValueError("in its user and password, / ? # @ : must be percent-encoded: %2F %3F %23 %40 %3A")
    return parts


def _parse_hosts(netloc: str, default_port: int) -> tuple[tuple[str, int], ...]:
    hosts = []
    for address in netloc.split(","):
        try:
            parts = urlsplit(f"//{address}")
            hosts.append((parts.hostname or "localhost", parts.port or default_port))
        except ValueError:
            raise ValueError("the port of a host must be a number from 1 to 65535") from None
    return tuple(hosts)


def _parse_db(topology: Topology, parameter: str | None, segments: list[str]) -> int:
    text = segments[0] if segments else parameter or "0"
    if not text.isdecimal() or len(segments) > 1:
        raise ValueError("its path must be the number of a database")
    if topology == "cluster" and int(text):
        raise ValueError("Cluster has only database 0")
    return int(text)
