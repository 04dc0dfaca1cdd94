"""Files and images in responses and conversations: what is sent to the model, and what is refused."""

import base64
import io

import openai
import pytest
from PIL import Image
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen import canvas

from e2e.uploads import upload
from media.films import picture
from retrieval import documents, office

PNG = picture((220, 30, 30))


def data_url(data, kind):
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def scanned(*colours, words=""):
    """A PDF of one picture a page, and of a last page with words where there are any."""
    buffer = io.BytesIO()
    page = canvas.Canvas(buffer)
    for colour in colours:
        page.drawImage(ImageReader(io.BytesIO(picture(colour))), 0, 0, 595, 842)
        page.showPage()
    if words:
        page.drawString(72, 700, words)
        page.showPage()
    page.save()
    return buffer.getvalue()


def ask(client, *parts, model="gpt-4o", **members):
    return client.responses.create(model=model, input=[{"role": "user", "content": list(parts)}], **members)


def given(upstream, number=-1):
    """The parts of the last message that the model got."""
    return upstream.requests[-1].body["messages"][number]["content"]


def words(upstream):
    content = given(upstream)
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (documents.pdf(["Pizza for Travis."]), "application/pdf"),
        (documents.pdf(["Pizza for Travis."]), "application/octet-stream"),
        (documents.pdf(["Pizza for Travis."]), ""),
        (b"<p>Pizza for Travis.</p>", "text/html"),
        (b"Pizza for Travis.", "text/x-unheard-of; charset=utf-8"),
        (b"{\\rtf1 Pizza for Travis.}", "application/rtf"),
        (b'{"food": "Pizza for Travis."}', "application/json"),
        (b"Subject: Food\n\nPizza for Travis.", "message/rfc822"),
        (office.book({"a.xhtml": "<p>Pizza for Travis.</p>"}), "application/epub+zip"),
        (office.book({"a.xhtml": "<p>Pizza for Travis.</p>"}), ""),
        (office.opendocument("text", "<text:p>Pizza for Travis.</text:p>"), "application/vnd.oasis.opendocument.text"),
        (office.opendocument("text", "<text:p>Pizza for Travis.</text:p>"), ""),
    ],
)
def test_a_document_without_an_extension_is_read_by_its_media_type_or_its_bytes(client, upstream, data, kind):
    for named in ({}, {"filename": "menu"}, {"filename": "menu.part1"}):
        ask(client, {"type": "input_file", "file_data": data_url(data, kind), **named})
        assert "Pizza for Travis." in words(upstream), named


def test_the_charset_of_a_media_type_is_used_and_invalid_bytes_are_noted(client, upstream):
    short = "Їжак №7"
    ask(
        client,
        {"type": "input_file", "file_data": data_url(short.encode("cp1251"), 'text/plain; charset="windows-1251"')},
    )
    assert short in words(upstream)
    damaged = "Größe der Bücher ".encode() + b"bad \xff byte"
    ask(client, {"type": "input_file", "filename": "a.txt", "file_data": data_url(damaged, "text/plain")})
    assert "Größe der Bücher bad \ufffd byte" in words(upstream)
    assert "[Not read: 1 byte is not valid UTF-8 and became U+FFFD.]" in words(upstream)


def test_a_document_of_an_unknown_type_cannot_be_read(client, upstream):
    ask(client, {"type": "input_file", "filename": "a.unknown", "file_data": data_url(b"Pizza", "")})
    assert "'a.unknown' cannot be read" in words(upstream)


def test_office_documents_are_known_without_a_name(client, upstream):
    for made in (documents.word(), documents.sheets(), documents.slides()):
        ask(client, {"type": "input_file", "file_data": base64.b64encode(made).decode()})
        assert documents.FACT in words(upstream)


def test_pages_of_a_scanned_document_reach_models_that_see(client, server, upstream):
    inline = {
        "type": "input_file",
        "filename": "a.pdf",
        "file_data": data_url(scanned("red", "gray"), "application/pdf"),
    }
    file_id = upload(server, scanned("blue", words="The end."), "user_data", "b.pdf")["id"]
    ask(client, inline, {"type": "input_file", "file_id": file_id})
    parts = given(upstream)
    images = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
    pages = [Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) for url in images]
    assert [page.convert("RGB").getpixel((page.width // 2, page.height // 2)) for page in pages] == [
        (255, 0, 0),
        (136, 136, 136),
        (0, 0, 255),
    ]
    assert all(max(page.size) <= 1568 for page in pages)
    assert "[Page 2 of file 'a.pdf']" in words(upstream)
    assert "The end." in words(upstream)


def test_models_that_do_not_see_get_a_note_that_a_document_was_scanned(client, upstream):
    part = {"type": "input_file", "filename": "a.pdf", "file_data": data_url(scanned("red"), "application/pdf")}
    ask(client, part, model="org/with/slashes")
    assert "'a.pdf' cannot be read" in words(upstream)


def test_a_long_scanned_document_is_sent_in_part_with_a_note(client, upstream):
    part = {"type": "input_file", "filename": "a.pdf", "file_data": data_url(scanned(*["red"] * 22), "application/pdf")}
    ask(client, part)
    parts = given(upstream)
    assert sum(part["type"] == "image_url" for part in parts) == 20
    assert parts[-1]["text"] == "[2 more pages of file 'a.pdf' without text are left out.]"


BROKEN = "data:application/pdf;base64,JVBER!!!"


@pytest.mark.parametrize(
    ("part", "member", "code"),
    [
        ({"type": "input_file", "filename": "a.pdf", "file_data": BROKEN}, "file_data", "invalid_value"),
        ({"type": "input_file", "filename": "a.txt", "file_data": "abcde"}, "file_data", "invalid_value"),
        ({"type": "input_file", "filename": "a.txt", "file_data": "é" * 8}, "file_data", "invalid_value"),
        (
            {"type": "input_file", "filename": "a.txt", "file_data": "data:text/plain;base64,"},
            "file_data",
            "invalid_value",
        ),
        ({"type": "input_file", "filename": "a.txt", "file_data": "QUFB" * 70_000 + "A"}, "file_data", "invalid_value"),
        (
            {"type": "input_image", "image_url": data_url(documents.pdf(), "application/pdf")},
            "image_url",
            "invalid_value",
        ),
        (
            {"type": "input_image", "image_url": data_url(documents.pdf(), "image/png")},
            "image_url",
            "invalid_image_format",
        ),
        ({"type": "input_image", "image_url": data_url(b"not one", "image/jpeg")}, "image_url", "invalid_image_format"),
        (
            {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo!"},
            "image_url",
            "invalid_base64_image",
        ),
        ({"type": "input_image", "image_url": "data:image/png,iVBORw0KGgo="}, "image_url", "invalid_value"),
    ],
)
def test_contents_of_another_type_than_declared_are_refused_with_their_path(server, upstream, part, member, code):
    content = [{"type": "input_text", "text": "Look:"}, part]
    message = {"role": "user", "content": content}
    output = {"type": "function_call_output", "call_id": "call_a", "output": content}
    called = {"type": "function_call", "call_id": "call_a", "name": "f", "arguments": "{}"}
    for path, body, place in (
        ("/responses", {"model": "gpt-4o", "input": [message]}, f"input[0].content[1].{member}"),
        ("/responses", {"model": "gpt-4o", "input": [called, output]}, f"input[1].output[1].{member}"),
        ("/responses/input_tokens", {"model": "gpt-4o", "input": [message]}, f"input[0].content[1].{member}"),
        ("/responses/compact", {"model": "gpt-4o", "input": [message]}, f"input[0].content[1].{member}"),
        ("/conversations", {"items": [message]}, f"items[0].content[1].{member}"),
    ):
        reply = server.ask("POST", path, body)
        assert (reply.status, reply.json["error"]["param"], reply.json["error"]["code"]) == (400, place, code), path
    assert upstream.requests == []


def test_a_file_that_is_not_an_image_is_refused_as_an_input_image(client, server):
    page = upload(server, documents.pdf(), "user_data", "a.pdf")["id"]
    with pytest.raises(openai.BadRequestError, match="is not an image") as refused:
        ask(client, {"type": "input_image", "file_id": page})
    assert refused.value.param == "input[0].content[0].file_id"
    with pytest.raises(openai.BadRequestError, match="is not an image"):
        client.conversations.create(items=[{"role": "user", "content": [{"type": "input_image", "file_id": page}]}])


def test_an_item_that_is_referred_to_brings_its_document_along(client, upstream):
    part = {"type": "input_file", "filename": "a.txt", "file_data": data_url(b"Pizza for Travis.", "text/plain")}
    made = ask(client, part)
    (item,) = client.responses.input_items.list(made.id).data
    client.responses.create(model="gpt-4o", input=[{"type": "item_reference", "id": item.id}])
    assert "Pizza for Travis." in words(upstream)


PDF_AS_PNG = base64.b64encode(documents.pdf()).decode()


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        (
            "/chat/completions",
            {"content": [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PDF_AS_PNG}"}}]},
            "messages[0].content[0].image_url.url",
        ),
        (
            "/chat/completions",
            {"content": [{"type": "image_url", "image_url": {"url": f"data:application/pdf;base64,{PDF_AS_PNG}"}}]},
            "messages[0].content[0].image_url.url",
        ),
        (
            "/threads",
            {"content": [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PDF_AS_PNG}"}}]},
            "messages[0].content[0].image_url.url",
        ),
        (
            "/v1/messages",
            {"content": [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}]},
            "messages[0].content[0].source.data",
        ),
        (
            "/v1/messages",
            {
                "content": [
                    {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "A"}}
                ]
            },
            "messages[0].content[0].source.data",
        ),
    ],
)
def test_images_and_documents_of_every_dialect_are_checked_by_their_bytes(server, upstream, path, body, param):
    model = {} if path == "/threads" else {"model": "gpt-4o", "max_tokens": 10}
    reply = server.ask("POST", path, {"messages": [{"role": "user", **body}], **model})
    assert reply.status == 400
    assert param in reply.body.decode()
    assert upstream.requests == []


def test_a_file_format_unknown_to_the_server_is_relayed(client, upstream):
    part = {"type": "image_url", "image_url": {"url": data_url(b"heic", "image/heic")}}
    client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": [part]}])
    assert given(upstream) == [part]
