"""Heads of the parts of a multipart form, as browsers write them. Sources: RFC 7578 and the WHATWG HTML standard."""

from typing import Final

_DEFAULT_TYPE: Final = "application/octet-stream"


def field_head(boundary: str, name: str) -> bytes:
    """What comes before the text of a field."""
    return _part_head(boundary, f'name="{_quote(name)}"')


def file_head(boundary: str, name: str, filename: str, content_type: str | None) -> bytes:
    """What comes before the bytes of a file. A content type that could end its line is replaced."""
    kind = content_type if content_type and content_type.isprintable() else _DEFAULT_TYPE
    return _part_head(boundary, f'name="{_quote(name)}"; filename="{_quote(filename)}"\r\nContent-Type: {kind}')


def form_tail(boundary: str) -> bytes:
    """What comes after the last part."""
    return f"--{boundary}--\r\n".encode()


def form_type(boundary: str) -> str:
    """The content type of the form."""
    return f"multipart/form-data; boundary={boundary}"


def _part_head(boundary: str, rest: str) -> bytes:
    head = f"--{boundary}\r\nContent-Disposition: form-data; {rest}\r\n\r\n"
    return head.encode("utf-8", "surrogatepass")


def _quote(name: str) -> str:
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
