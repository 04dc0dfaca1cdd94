"""A real OpenID provider as a process, and a visitor who signs in with it as a browser does, without a browser."""

import contextlib
import http.client
import json
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any, Self
from urllib.parse import urljoin, urlsplit

from clients.environments import environment
from serving import Server, serve

SCRIPT = Path(__file__).with_name("oidc_provider.mjs")
CLIENT = {"client_id": "understudy", "client_secret": "a-secret-of-the-tests-with-40-characters"}


@dataclass
class Page:
    url: str
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def location(self) -> str:
        return urljoin(self.url, str(self.headers["location"]))


@dataclass
class Visitor:
    """Cookies by origin, which are sent as a browser does from a page of that origin."""

    cookies: dict[str, dict[str, str]] = field(default_factory=dict)

    def fetch(self, method: str, url: str, body: Any = None, **headers: str) -> Page:
        parts = urlsplit(url)
        jar = self.cookies.setdefault(parts.netloc, {})
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if jar:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in jar.items())
        content = None if body is None else json.dumps(body).encode()
        if content is not None:
            sent["content-type"] = "application/json"
        connection = http.client.HTTPConnection(parts.netloc, timeout=30)
        with contextlib.closing(connection):
            connection.request(method, f"{parts.path}?{parts.query}" if parts.query else parts.path, content, sent)
            response = connection.getresponse()
            page = Page(url, response.status, response.headers, response.read())
        for line in response.headers.get_all("set-cookie") or []:
            for name, morsel in SimpleCookie(line).items():
                if morsel["max-age"] == "0" or not morsel.value:
                    jar.pop(name, None)
                else:
                    jar[name] = morsel.value
        return page

    def follow(self, url: str, until: str = "") -> Page:
        """The page after all redirects, or the redirect to a URL that begins with `until`."""
        for _ in range(12):
            page = self.fetch("GET", url)
            if page.status not in {302, 303}:
                return page
            url = page.location
            if until and url.startswith(until):
                return page
        raise AssertionError(f"too many redirects: {url}")

    def ask(self, server: "SignInServer", method: str, path: str, body: Any = None, **headers: str) -> Page:
        """A request of a page of the console."""
        return self.fetch(method, f"{server.origin}{path}", body, **{"sec_fetch_site": "same-origin", **headers})


@dataclass
class Provider:
    process: "subprocess.Popen[str]"
    issuer: str

    @classmethod
    def start(cls, public_url: str) -> Self:
        home = environment("oidc")
        program: list[str | Path] = [home.node, SCRIPT, home.home / "node_modules", public_url]
        process = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert process.stdout is not None
        return cls(process, process.stdout.readline().strip())

    def sign_in_as(self, sub: str, **claims: Any) -> None:
        """Whoever signs in next is this account; without a `sub` the sign-in is refused."""
        account = {"sub": sub, "email": f"{sub}@example.com", "email_verified": True, "name": sub.title(), **claims}
        assert Visitor().fetch("PUT", f"{self.issuer}/account", account).status == 200

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


class SignInServer(Server):
    """A server with a provider of its own; its port is known before it starts, since the provider needs it."""

    def __init__(self, directory: Path, upstream_url: str | None, **settings: Any) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.origin = f"http://127.0.0.1:{port}"
        self.provider = Provider.start(self.origin)
        oidc = {"issuer": self.provider.issuer, "public_url": self.origin, "name": "Example", **CLIENT}
        super().__init__(
            directory, upstream_url, **{f"oidc__{name}": value for name, value in oidc.items()}, **settings
        )
        self.flags = ("--port", str(port))

    def visit(self, sub: str, return_to: str = "/console/", **claims: Any) -> Visitor:
        """A visitor who has signed in."""
        visitor = Visitor()
        page = self.sign_in(visitor, sub, return_to, **claims)
        assert page.location == f"{self.origin}{return_to}", page.location
        return visitor

    def sign_in(self, visitor: Visitor, sub: str, return_to: str = "/console/", **claims: Any) -> Page:
        """The server's redirect at the end of a sign-in."""
        self.provider.sign_in_as(sub, **claims)
        return visitor.follow(f"{self.origin}/auth/login?return_to={return_to}", f"{self.origin}/console/")


def serve_with_provider(directory: Path, upstream_url: str | None, **settings: Any) -> Iterator[SignInServer]:
    server = SignInServer(directory, upstream_url, **settings)
    try:
        for running in serve(server):
            assert running is server
            yield server
    finally:
        server.provider.stop()
