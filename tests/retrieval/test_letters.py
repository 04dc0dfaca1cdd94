"""E-mails, Outlook messages, books, notebooks, rich text and the formats of before 2007."""

import json
import lzma
import struct
from pathlib import Path

import pytest

from retrieval import documents
from retrieval.compound import compound
from retrieval.documents import FACT
from retrieval.office import book, paragraph, run, word

SAMPLES = Path(__file__).parent / "samples"


def mail(*parts, head="From: Ines <i@port.example>\nSubject: Berths\nMIME-Version: 1.0\n"):
    """A multipart e-mail of parts that have their own headers."""
    body = "".join(f"--x\n{part}\n" for part in parts)
    return f'{head}Content-Type: multipart/mixed; boundary="x"\n\n{body}--x--\n'


def encoded(data, kind, name=""):
    import base64

    place = f'Content-Disposition: attachment; filename="{name}"\n' if name else ""
    return f"Content-Type: {kind}\n{place}Content-Transfer-Encoding: base64\n\n{base64.b64encode(data).decode()}"


# -- e-mails -----------------------------------------------------------------------------------------------------------


async def test_headers_and_text_of_an_email_are_read(read):
    head = "From: =?iso-8859-1?q?J=FCrgen?= <j@port.example>\nTo: a@b.example\nSubject: =?utf-8?b?TGllZ2VwbMOkdHpl?=\n"
    data = f"{head}Content-Type: text/plain; charset=windows-1251\nContent-Transfer-Encoding: 8bit\n\n".encode()
    text, warnings = await read(data + "Привет, мир".encode("cp1251"), "a.eml")
    assert text == "From: Jürgen <j@port.example>\nTo: a@b.example\nSubject: Liegeplätze\n\nПривет, мир\n\n"
    assert warnings == ()


@pytest.mark.parametrize("charset", ["", "; charset=us-ascii", "; charset=x-nonsense", "; charset=utf-8"])
async def test_a_charset_that_is_missing_or_wrong_costs_no_letter(read, charset):
    data = f"Subject: x\nContent-Type: text/plain{charset}\n\nDie Größe der Straße in Köln\n".encode("cp1252")
    assert "Die Größe der Straße in Köln" in (await read(data, "a.eml"))[0]


async def test_one_email_alternative_is_read_along_with_attached_documents(read):
    alternatives = (
        'Content-Type: multipart/alternative; boundary="y"\n\n--y\nContent-Type: text/plain\n\nplain words\n--y\n'
        "Content-Type: text/html\n\n<p>plain <b>words</b></p>\n--y--"
    )
    parts = (
        alternatives,
        encoded(word(paragraph(run("attached quoll"))), "application/octet-stream", "a.docx"),
        encoded(b"picture", "image/png", "a.png"),
        encoded(b"\0\1", "application/x-what", "a.what"),
        "Content-Type: message/rfc822\n\nSubject: Inner\n\ninner words",
    )
    text, warnings = await read(mail(*parts), "a.eml")
    assert text.count("plain") == 1
    for words in (
        "From: Ines",
        "Subject: Berths",
        "Attachment a.docx:\n\nattached quoll",
        "Subject: Inner",
        "inner words",
    ):
        assert words in text
    assert len(warnings) == 1
    assert warnings[0].startswith("a.what: Files with the extension '.what' are not supported.")


async def test_an_email_of_html_alone_becomes_markdown(read):
    data = "Subject: x\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n<h1>Gr=C3=B6=C3=9Fe</h1>\n"
    assert "# Größe" in (await read(data, "a.eml"))[0]


async def test_emails_in_emails_without_end_are_read_to_a_depth(read):
    data = "Subject: deep\nContent-Type: message/rfc822\n\n" * 200 + "Subject: last\n\nend"
    text, warnings = await read(data, "a.eml")
    assert "Subject: deep" in text
    assert warnings


async def test_text_without_email_headers_is_refused(refused):
    assert (await refused(b"just words\nwithout a head", "a.eml"))[0] == "invalid_file"


def outlook(properties, attachments=()):
    """An Outlook message; `properties` by their tag, texts in UTF-16."""

    def storage(values, head):
        table = b"".join(
            struct.pack("<IIQ", tag, 6, len(value) if tag & 0xFFFF != 0x0003 else int.from_bytes(value, "little"))
            for tag, value in values.items()
        )
        streams = {f"__substg1.0_{tag:08X}": value for tag, value in values.items() if tag & 0xFFFF != 0x0003}
        return {"__properties_version1.0": bytes(head) + table, **streams}

    folders = {
        f"__attach_version1.0_#{number:08X}": storage(attachment, 8) for number, attachment in enumerate(attachments)
    }
    names = {"__substg1.0_00020102": b"", "__substg1.0_00030102": b"", "__substg1.0_00040102": b""}
    return compound({"__nameid_version1.0": names, **storage(properties, 32), **folders})


async def test_an_outlook_message_is_read_with_its_attachments(read):
    attachment = {
        0x3705_0003: (1).to_bytes(4, "little"),
        0x3707_001F: "note.txt".encode("utf-16-le"),
        0x3701_0102: b"attached quoll",
    }
    message = {
        0x0037_001F: "Liegeplätze".encode("utf-16-le"),
        0x1000_001F: FACT.encode("utf-16-le"),
        0x340D_0003: (0x40000).to_bytes(4, "little"),
    }
    text, warnings = await read(outlook(message, [attachment]), "a.msg")
    assert "Subject: Liegeplätze\n" in text
    assert FACT in text
    assert "Attachment note.txt:\n\nattached quoll" in text
    assert warnings == ()


# -- books and notebooks -----------------------------------------------------------------------------------------------


async def test_chapters_of_a_book_are_read_in_the_order_of_its_spine(read):
    chapters = {"z.xhtml": "<h1>First</h1><p>one</p>", "a%20b.xhtml": None, "m.xhtml": "<p>two &eacute;</p>"}
    text, warnings = await read(book(chapters, more={"OEBPS/a b.xhtml": "<p>between</p>"}), "a.epub")
    assert text.split("\n\n") == ["# First", "one", "between", "two é", ""]
    assert warnings == ()


async def test_a_chapter_that_is_missing_is_a_warning(read):
    text, warnings = await read(book({"a.xhtml": "<p>one</p>", "b.xhtml": None}), "a.epub")
    assert text == "one\n\n"
    assert warnings == ("The chapter 'b.xhtml' is missing in the book.",)


async def test_a_book_with_drm_is_refused_and_one_with_scrambled_fonts_is_read(read, refused):
    def rights(algorithm):
        return {"META-INF/encryption.xml": f'<encryption><EncryptionMethod Algorithm="{algorithm}"/></encryption>'}

    chapters = {"a.xhtml": "<p>one</p>"}
    assert (await read(book(chapters, more=rights("http://www.idpf.org/2008/embedding")), "a.epub"))[0] == "one\n\n"
    assert "DRM" in (await refused(book(chapters, more=rights("http://ns.adobe.com/adept")), "a.epub"))[1]


async def test_cells_and_outputs_of_a_notebook_are_read(read):
    cells = [
        {"cell_type": "markdown", "source": ["# Title\n", "words"]},
        {
            "cell_type": "code",
            "source": "print(1)",
            "outputs": [
                {"output_type": "stream", "text": ["1\n"]},
                {"output_type": "execute_result", "data": {"text/html": "<b>x</b>", "text/plain": ["plain"]}},
                {"output_type": "display_data", "data": {"image/png": "aaaa"}},
                {"output_type": "error", "ename": "ValueError", "evalue": "bad"},
                None,
            ],
        },
        {"cell_type": "code", "source": [], "outputs": 7},
        "nonsense",
    ]
    text, _ = await read(json.dumps({"cells": cells, "metadata": {"kernelspec": {"language": "r"}}}), "a.ipynb")
    assert text == (
        "# Title\nwords\n\n```r\nprint(1)\n```\n\nOutput:\n\n1\n\nOutput:\n\nplain\n\nOutput:\n\nValueError: bad\n\n"
    )


async def test_an_old_notebook_and_a_damaged_one_are_read(read, refused):
    old = {
        "worksheets": [
            {"cells": [{"cell_type": "code", "input": "1+1", "outputs": [{"output_type": "pyout", "text": "2"}]}]}
        ]
    }
    assert (await read(json.dumps(old), "a.ipynb"))[0] == "```python\n1+1\n```\n\nOutput:\n\n2\n\n"
    text, warnings = await read('{"cells": [{"source": "cut he', "a.ipynb")
    assert "cut he" in text
    assert warnings == ("The notebook is damaged, and was read as plain text.",)
    assert (await refused(b"[1, 2]", "a.ipynb"))[0] == "invalid_file"


# -- before 2007 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("old.doc", ["Wolverine Ltd", "# Harbour", "Ines Okafor — 漢字 €.", "| Kormoran | 42 |"]),
        ("old.xls", ["Boats", "| Möwe | 42 | 2024-03-05 | 84 |"]),
        ("old.ppt", ["## Slide 1", FACT, "Notes: Notes of the speaker"]),
    ],
)
async def test_documents_of_before_2007_are_read(read, refused, name, expected):
    data = lzma.decompress((SAMPLES / f"{name}.xz").read_bytes())
    text, warnings = await read(data, name)
    for words in expected:
        assert words in text
    assert warnings == ()
    assert (await refused(data[: len(data) // 8], name))[0] == "invalid_file"


async def test_documents_with_an_old_extension_are_read_by_their_real_format(read, refused):
    assert FACT in (await read(documents.word(), "a.doc"))[0]
    assert FACT in (await read(documents.sheets(), "a.xls"))[0]
    assert FACT in (await read(rb"{\rtf1 " + FACT.encode() + b"}", "a.doc"))[0]
    assert FACT in (await read(f"<html><table><tr><td>{FACT}</table></html>", "a.xls"))[0]
    assert FACT in (await read(FACT, "a.doc"))[0]
    assert (await refused(b"plain words", "a.ppt")) == (
        "invalid_file", "The file is not a .ppt document, despite its name.",
    )  # fmt: skip


async def test_extraction_of_rich_text_preserves_headers_notes_and_letters(read):
    data = rb"{\rtf1\ansi\ansicpg1252{\header Wolverine}{\footer\'dcber}Gr\'f6\'dfe{\footnote a note} \u8364?{\field{\*\fldinst X}{\fldrslt link}}}"
    text, warnings = await read(data, "a.rtf")
    for words in ("Wolverine", "Über", "Größe", "a note", "€", "link"):
        assert words in text
    assert warnings == ()
    text, warnings = await read(data[: data.index(b"{\\field")], "a.rtf")
    assert "Größe" in text
    assert warnings == ("The file is cut off before the end of its text.",)
