"""Forms with a file, whatever way they come: split anywhere, named in any alphabet, shaped as each client does."""

import asyncio
import itertools
import re
from urllib.parse import quote

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from starlette.requests import Request

from understudy.api.multipart import filename_of, read_form, sanitize_name
from understudy.errors import BodyTooLarge, InvalidRequest, UnsupportedMediaType
from understudy.wire.parsing import InvalidBody

BOUNDARY = "----boundary.0123456789"
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=40)


class Draft:
    """What a form's file is written to."""

    def __init__(self):
        self.data = b""

    async def write(self, chunk):
        self.data += chunk


def part(name, content, *, filename=None, content_type=None):
    disposition = f'form-data; name="{name}"' + ("" if filename is None else f'; filename="{filename}"')
    head = f"Content-Disposition: {disposition}\r\n" + (f"Content-Type: {content_type}\r\n" if content_type else "")
    return head.encode() + b"\r\n" + content


def form_of(*parts, end=b"--\r\n"):
    delimiter = b"--" + BOUNDARY.encode()
    return b"".join(delimiter + b"\r\n" + one + b"\r\n" for one in parts) + delimiter + end


def read(body, cuts=(), limit=1 << 30, content_type=f"multipart/form-data; boundary={BOUNDARY}", *, ended=True):
    """The form and the file's bytes of a body that comes in pieces."""
    edges = [0, *sorted(cut for cut in cuts if cut <= len(body)), len(body)]
    pieces = [body[start:stop] for start, stop in itertools.pairwise(edges)]
    messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    messages.append({"type": "http.request", "body": b"", "more_body": False} if ended else {"type": "http.disconnect"})

    async def receive():
        return messages.pop(0)

    request = Request({"type": "http", "headers": [(b"content-type", content_type.encode())]}, receive)
    draft = Draft()
    form = asyncio.run(read_form(request, "file", draft, lambda _: limit))
    assert form.size == len(draft.data)
    return form, draft.data


@given(
    st.one_of(
        st.binary(max_size=300), st.lists(st.sampled_from([b"\r", b"\n", b"-", BOUNDARY.encode()])).map(b"".join)
    ),
    st.lists(st.integers(0, 800), max_size=20),
    st.booleans(),
)
@example(b"\r\n--" + BOUNDARY.encode()[:-1], list(range(400)), True)
@example(b"", [], False)
def test_a_file_is_the_same_wherever_the_network_cut_it(content, cuts, fields_first):
    assume(b"\r\n--" + BOUNDARY.encode() not in b"\r\n" + content)
    fields = [part("purpose", b"assistants"), part("expires_after[anchor]", b"created_at")]
    file = [part("file", content, filename="a.txt", content_type="text/plain")]
    form, data = read(form_of(*(fields + file if fields_first else file + fields)), cuts)
    assert data == content
    assert form.filename == "a.txt"
    assert form.fields == {"purpose": "assistants", "expires_after[anchor]": "created_at"}


@given(NAMES)
def test_a_name_in_any_alphabet_arrives_in_each_of_the_ways_to_write_it(name):
    browsers = name.replace('"', "%22")
    assume("%22" not in name)
    wanted = sanitize_name(name) or "file.txt"
    raw = f'form-data; name="file"; filename="{browsers}"'.encode().decode("latin-1")
    assert filename_of(raw, "text/plain") == (sanitize_name(browsers.replace("%22", '"')) or "file.txt")
    extended = f"form-data; name=file; filename=\"fallback\"; filename*=utf-8''{quote(name, safe='')}"
    assert filename_of(extended, "text/plain") == wanted


@given(st.text(max_size=60))
def test_a_name_never_contains_a_path_or_a_control_character(name):
    found = sanitize_name(name)
    assert not re.search(r"[/\\\x00-\x1f\x7f\ud800-\udfff]", found)
    assert found not in {".", ".."}
    assert sanitize_name(found) == found


@pytest.mark.parametrize(
    ("disposition", "content_type", "name"),
    [
        ('form-data; name="file"; filename="a.txt"', None, "a.txt"),
        ("form-data; name=file; filename=a.txt", None, "a.txt"),
        ('form-data; filename="a.txt"; name="file"', None, "a.txt"),
        ('FORM-DATA; NAME="file"; FILENAME="a.txt"', None, "a.txt"),
        ('form-data; name="file"; filename="C:\\docs\\a.txt"', None, "a.txt"),
        ('form-data; name="file"; filename="../../etc/passwd"', None, "passwd"),
        ('form-data; name="file"; filename="a\\"b.txt"', None, 'a"b.txt'),
        ('form-data; name="file"; filename="a%22b.txt"', None, 'a"b.txt'),
        ('form-data; name="file"; filename="a;b.txt"', None, "a;b.txt"),
        ('form-data; name="file"; filename="a%0D%0Ab.txt"', None, "ab.txt"),
        ('form-data; name="file"; filename="x"; filename*=UTF-8\'\'%E4%BD%A0%E5%A5%BD.txt', None, "你好.txt"),
        ('form-data; name="file"; filename*=UTF-8\'\'%E4%BD%A0.txt; filename="x"', None, "你.txt"),
        ('form-data; name="file"; filename="x.txt"; filename*=UTF-8\'\'%FF', None, "x.txt"),
        ('form-data; name="file"; filename="x.txt"; filename*=nonsense\'\'%41', None, "x.txt"),
        ("form-data; name=\"file\"; filename*=iso-8859-1''%E9.txt", None, "é.txt"),
        ('form-data; name="file"; filename="\xe9.txt"', None, "é.txt"),
        ('form-data; name="file"; filename=""', "text/csv", "file.csv"),
        ('form-data; name="file"; filename=""', "Text/Plain; charset=utf-8", "file.txt"),
        ('form-data; name="file"; filename=""', "application/octet-stream", "file"),
        ('form-data; name="file"; filename=""', None, "file"),
        ('form-data; name="file"; filename="dir/"', "application/pdf", "file.pdf"),
        ('form-data; name="file"; filename="\x01\x1f"', "application/json", "file.json"),
        ("form-data; name=\"file\"; filename*=UTF-8''", "text/csv", "file.csv"),
        ('form-data; name="file"', "text/csv", "text/csv"),
        ('form-data; name="file"; filename=".."', None, "file"),
        ('form-data; name="file"', None, None),
    ],
)
def test_a_files_name(disposition, content_type, name):
    assert filename_of(disposition, content_type) == name


@pytest.mark.parametrize("boundary", [f'"{BOUNDARY}"', BOUNDARY, f"{BOUNDARY}; charset=utf-8"])
def test_a_boundary_may_be_quoted_and_followed(boundary):
    body = form_of(part("file", b"x", filename="a"))
    assert read(body, content_type=f"Multipart/Form-Data; boundary={boundary}")[1] == b"x"


def test_bytes_around_the_form_are_ignored():
    body = b"preamble\r\n" + form_of(part("file", b"x", filename="a"), end=b"--\r\nepilogue")
    assert read(body)[1] == b"x"


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data", "", "multipart/mixed; boundary=a"])
def test_a_body_that_is_not_a_form_is_refused(content_type):
    with pytest.raises(UnsupportedMediaType, match="multipart/form-data"):
        read(b"{}", content_type=content_type)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no form at all",
        form_of(part("file", b"x" * 100, filename="a"))[:-30],
        form_of(b"no headers\r\n\r\nx"),
        form_of(b"Content-Type: text/plain\r\n\r\nx"),
        form_of(b"X: " + b"y" * 100_000 + b"\r\n\r\nx"),
        form_of(*[part(f"f{number}", b"") for number in range(100)]),
    ],
)
def test_a_broken_form_is_refused_in_a_sentence(body):
    with pytest.raises(InvalidRequest, match="Could not parse the multipart form: "):
        read(body)


def test_a_client_that_disconnects_is_not_a_server_error():
    with pytest.raises(InvalidRequest, match="connection was closed"):
        read(form_of(part("file", b"x" * 100, filename="a"))[:80], ended=False)


def test_a_file_may_have_its_limit_and_not_a_byte_more():
    assert len(read(form_of(part("file", b"x" * 1000, filename="a")), limit=1000)[1]) == 1000
    with pytest.raises(BodyTooLarge, match="The limit is 999 bytes"):
        read(form_of(part("file", b"x" * 1000, filename="a")), limit=999)


def test_a_field_has_a_limit_too():
    with pytest.raises(InvalidBody, match="Invalid 'purpose': string too long"):
        read(form_of(part("purpose", b"x" * 200_000)), cuts=[50_000])


@pytest.mark.parametrize("name", ["file", "purpose"])
def test_nothing_is_sent_twice(name):
    parts = [part("file", b"x", filename="a"), part("purpose", b"batch"), part(name, b"y", filename="b")]
    with pytest.raises(InvalidBody, match=f"Duplicate parameter: '{name}'"):
        read(form_of(*parts))


def test_a_name_that_fits_into_no_header_is_refused():
    name = "n" * 5000 + ".txt"
    with pytest.raises(InvalidBody, match="Invalid 'file': string too long"):
        read(form_of(part("file", b"x", filename=name)))
