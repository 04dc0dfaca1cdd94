"""Fetching what others name: bounded, and never from this machine's own networks."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from e2e.test_luma import CREATE, create, ended, fetched
from media.films import Film, colour, picture
from understudy.media import MediaError
from understudy.media.download import Downloader
from understudy.net.outbound import origin

PICTURE = picture((20, 40, 200))


class _Pictures(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_GET(self):
        self.server.asked.append(self.path)
        if self.path == "/picture.png":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(PICTURE)
        elif self.path.startswith("/moved"):
            self.send_response(302)
            self.send_header("location", {"/moved": "/picture.png"}.get(self.path, self.path))
            self.end_headers()
        else:
            self.send_error(404)


@pytest.fixture(scope="module")
def pictures():
    """The address of a server of pictures, on this machine, which has `asked` for what it was asked."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Pictures) as server:
        server.asked = []
        server.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()


async def got(url, *, allow_private=False, limit=1 << 20, trusted="", seconds=10.0):
    data = bytearray()

    async def write(piece):
        data.extend(piece)

    download = Downloader(allow_private=allow_private, seconds=seconds)
    try:
        await download.fetch(url, write, limit, trusted=trusted)
    finally:
        await download.close()
    return bytes(data)


@pytest.mark.proves("luma.fetching")
async def test_private_addresses_are_refused_in_every_notation(pictures):
    pictures.asked.clear()
    port = pictures.server_port
    for host in (
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f000001",
        "127.1",
        "0.0.0.0",
        "[::1]",
        "[::ffff:127.0.0.1]",
    ):
        with pytest.raises(MediaError, match=r"its address is private|could not be fetched") as refused:
            await got(f"http://{host}:{port}/picture.png")
        assert "picture.png" in refused.value.message
    assert pictures.asked == []


async def test_trusted_and_allowed_urls_may_have_any_address(pictures):
    url = f"{pictures.url}/picture.png"
    assert await got(url, allow_private=True) == PICTURE
    assert await got(url, trusted=origin(url)) == PICTURE
    with pytest.raises(MediaError):
        await got(url, trusted=origin(url) + "1")


async def test_redirects_are_limited_and_each_target_is_checked(pictures):
    assert await got(f"{pictures.url}/moved", allow_private=True) == PICTURE
    with pytest.raises(MediaError, match="it redirects too often"):
        await got(f"{pictures.url}/moved/for/ever", allow_private=True)


async def test_size_and_status_are_checked(pictures):
    with pytest.raises(MediaError, match="exceeds the limit of 100 bytes"):
        await got(f"{pictures.url}/picture.png", allow_private=True, limit=100)
    with pytest.raises(MediaError, match="could not be fetched: status 404") as refused:
        await got(f"{pictures.url}/none?key=secret", allow_private=True)
    assert "secret" not in refused.value.message
    assert not refused.value.passing
    for url in ("ftp://example.com/a", "http://", "nonsense"):
        with pytest.raises(MediaError, match="has to begin with http"):
            await got(url, allow_private=True)


@pytest.mark.proves("luma.fetching")
def test_the_renderer_uses_a_remote_picture_where_the_operator_allows_it(new_server, pictures):
    keyframes = {"frame0": {"type": "image", "url": f"{pictures.url}/picture.png"}}
    careful = new_server(video__fetch_images=True).start()
    failed = careful.ask("POST", CREATE, {"prompt": "Static", "resolution": "540p", "keyframes": keyframes}).json
    found = careful.ask("GET", f"{CREATE}?generation_id={failed['id']}&state=completed").json
    assert found["state"] == "failed"
    assert "its address is private" in found["failure_reason"]
    server = new_server(video__fetch_images=True, video__allow_private=True).start()
    made = ended(server, create(server, prompt="Static", keyframes=keyframes)["id"])
    red, _, blue = colour(Film(fetched(server, made["video"]["url"]).body).frames[0])
    assert blue > 160
    assert red < 90
