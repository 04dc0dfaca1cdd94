"""Buckets of a real S3 server, inspected without the client under test."""

import logging
import urllib.request
import xml.etree.ElementTree as ET
from typing import Any, Self

from moto.server import ThreadedMotoServer

from understudy.settings import BlobSettings


class Buckets:
    """A running S3 server with any number of buckets."""

    def __init__(self) -> None:
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)

    def __enter__(self) -> Self:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server.start()
        host, port = self._server.get_host_and_port()
        self.url = f"http://{host}:{port}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    def settings(self, bucket: str, **members: Any) -> BlobSettings:
        """Creates the bucket, and returns settings for it."""
        self._request("PUT", bucket)
        defaults: dict[str, Any] = {
            "endpoint": self.url,
            "region": "us-east-1",
            "access_key": "testing",
            "secret_key": "testing-secret",
        }
        return BlobSettings(kind="s3", bucket=bucket, **(defaults | members))

    def keys(self, bucket: str) -> list[str | None]:
        return self._texts(f"{bucket}?list-type=2", "Key")

    def unfinished(self, bucket: str) -> list[str | None]:
        return self._texts(f"{bucket}?uploads", "UploadId")

    def _texts(self, path: str, name: str) -> list[str | None]:
        root = ET.fromstring(self._request("GET", path))
        return [node.text for node in root.iter() if node.tag.rpartition("}")[2] == name]

    def _request(self, method: str, path: str) -> bytes:
        key = "AWS4-HMAC-SHA256 Credential=testing/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
        request = urllib.request.Request(f"{self.url}/{path}", method=method, headers={"Authorization": key})
        with urllib.request.urlopen(request, timeout=10) as response:
            content: bytes = response.read()
            return content
