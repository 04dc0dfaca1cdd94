"""Buckets of an S3 server, and what is really in them."""

import logging
import urllib.request
import xml.etree.ElementTree as ET

from moto.server import ThreadedMotoServer

from understudy.settings import BlobSettings


class Buckets:
    """What a test sees of the server is asked without the client that is tested."""

    def __init__(self):
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)

    def __enter__(self):
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server.start()
        host, port = self._server.get_host_and_port()
        self.url = f"http://{host}:{port}"
        return self

    def __exit__(self, *_):
        self._server.stop()

    def settings(self, bucket, **members):
        """Makes the bucket."""
        self._ask("PUT", bucket)
        given = {"endpoint": self.url, "region": "us-east-1", "access_key": "testing", "secret_key": "testing-secret"}
        return BlobSettings(kind="s3", bucket=bucket, **(given | members))

    def keys(self, bucket):
        return self._texts(f"{bucket}?list-type=2", "Key")

    def unfinished(self, bucket):
        return self._texts(f"{bucket}?uploads", "UploadId")

    def _texts(self, path, name):
        root = ET.fromstring(self._ask("GET", path))
        return [node.text for node in root.iter() if node.tag.rpartition("}")[2] == name]

    def _ask(self, method, path):
        key = "AWS4-HMAC-SHA256 Credential=testing/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
        request = urllib.request.Request(f"{self.url}/{path}", method=method, headers={"Authorization": key})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read()
