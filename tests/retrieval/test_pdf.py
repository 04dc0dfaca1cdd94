"""PDFs with forms, notes and attachments, turned ones, and ones that have lost their end."""

import io
import re
import zlib

import pytest
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen import canvas

from retrieval import documents
from retrieval.documents import FACT

PAGES = [f"Page {number} of a long report about quolls" for number in range(1, 8)]


def drawn(draw, **options):
    buffer = io.BytesIO()
    page = canvas.Canvas(buffer, **options)
    draw(page)
    page.showPage()
    page.save()
    return buffer.getvalue()


def objects(*bodies, root=1):
    """A PDF of objects numbered from 1, with its table."""
    data, places = b"%PDF-1.7\n", []
    for number, body in enumerate(bodies, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return data + b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<</Root %d 0 R/Size %d>>\nstartxref\n%d\n%%%%EOF\n" % (
        len(bodies) + 1, table, root, len(bodies) + 1, len(data),
    )  # fmt: skip


def stream(data, entries=b""):
    return b"<<%s/Length %d>>stream\n%s\nendstream" % (entries, len(data), data)


def one_page(annotations=b"", more=(), *, catalog=b"", page=b"/MediaBox[0 0 600 800]"):
    """A page that says Body; further objects are numbered from 6."""
    return objects(
        b"<</Type/Catalog/Pages 2 0 R%s>>" % catalog,
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>%s/Annots[%s]>>" % (page, annotations),
        stream(b"BT /F 12 Tf 100 700 Td (Body) Tj ET"),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        *more,
    )


async def test_values_of_forms_are_read_under_their_names(read):
    def form(page):
        page.drawString(50, 750, "Application")
        page.acroForm.textfield(name="fullname", x=50, y=700, width=200, height=20, value="Ottoline Quagmire")
        page.acroForm.checkbox(name="agree", x=50, y=650, checked=True)
        page.acroForm.checkbox(name="spam", x=50, y=620, checked=False)
        page.acroForm.choice(name="port", x=50, y=580, width=80, height=20, value="East", options=["East", "West"])

    text, warnings = await read(drawn(form), "a.pdf")
    assert text.split("\n")[:4] == ["Application", "fullname: Ottoline Quagmire", "agree: Yes", "port: East"]
    assert "spam" not in text
    assert warnings == ()


async def test_notes_on_a_page_are_read_and_links_are_not(read):
    annotations = b"".join(
        b"<</Type/Annot/Subtype/%s/Rect[0 0 9 9]/Contents(%s)/T(Ines)>>" % (kind, text)
        for kind, text in [
            (b"Text", b"sticky"),
            (b"FreeText", b"typed"),
            (b"Highlight", b"marked"),
            (b"Link", b"linked"),
        ]
    )
    text, _ = await read(one_page(annotations), "a.pdf")
    assert text == "Body\nNote by Ines: sticky\nNote by Ines: typed\nNote by Ines: marked\n\n"


async def test_documents_that_are_attached_to_a_pdf_are_read(read):
    files = (
        b"<</Type/Filespec/F(note.txt)/UF(note.txt)/EF<</F 7 0 R>>>>",
        stream(b"attached quoll", b"/Type/EmbeddedFile"),
    )
    catalog = b"/Names<</EmbeddedFiles<</Names[(note.txt) 6 0 R]>>>>"
    text, _ = await read(one_page(more=files, catalog=catalog), "a.pdf")
    assert text == "Body\n\nAttachment note.txt:\n\nattached quoll\n\n"


@pytest.mark.parametrize(
    "page",
    [b"/MediaBox[0 0 600 800]/Rotate %d" % angle for angle in (90, 180, 270)] + [b"/MediaBox[-600 -800 900 900]"],
)
async def test_turned_and_moved_pages_keep_their_text(read, page):
    assert (await read(one_page(page=page), "a.pdf"))[0] == "Body\n\n"


async def test_turned_text_is_read(read):
    def turned(page):
        page.rotate(90)
        page.drawString(100, -100, FACT)

    assert FACT in (await read(drawn(turned), "a.pdf"))[0]


async def test_an_empty_password_opens_a_pdf(read):
    data = drawn(lambda page: page.drawString(72, 700, FACT), encrypt=StandardEncryption("", ownerPassword="owner"))
    text, warnings = await read(data, "a.pdf")
    assert text == f"{FACT}\n\n"
    assert warnings == ()


@pytest.mark.parametrize("lost", [1, 12, 40, 120, 400])
async def test_a_pdf_without_its_last_bytes_is_read_whole_with_a_warning(read, lost):
    text, warnings = await read(documents.pdf(PAGES)[:-lost], "a.pdf")
    assert text == "".join(f"{page}\n\n" for page in PAGES)
    assert lost < 6 or len(warnings) == 1


async def test_a_truncated_pdf_is_read_up_to_the_cut(read):
    data = drawn(lambda page: [(page.drawString(72, 700, line), page.showPage()) for line in PAGES], pageCompression=0)
    text, warnings = await read(data[: data.index(b"quolls", data.index(b"Page 6")) + 20], "a.pdf")
    assert [line for line in text.split("\n") if line][:5] == PAGES[:5]
    assert "cut short" in warnings[0]


async def test_a_truncated_pdf_with_compressed_object_streams_is_read(read):
    inner = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
             b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>"]  # fmt: skip
    places = [sum(len(body) + 1 for body in inner[:at]) for at in range(3)]
    head = b" ".join(b"%d %d" % (at + 1, place) for at, place in enumerate(places)) + b" "
    packed = zlib.compress(head + b" ".join(inner))
    data = (
        b"%PDF-1.7\n4 0 obj\n" + stream(b"BT /F 12 Tf 100 700 Td (Body) Tj ET") + b"\nendobj\n"
        b"5 0 obj\n<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>\nendobj\n6 0 obj\n"
        + stream(packed, b"/Type/ObjStm/N 3/First %d/Filter/FlateDecode" % len(head)) + b"\nendobj\n"
    )  # fmt: skip
    text, warnings = await read(data, "a.pdf")
    assert text == "Body\n\n"
    assert len(warnings) == 1


async def test_a_pdf_behind_other_bytes_is_read(read):
    assert FACT in (await read(b"HTTP/1.1 200 OK\r\n\r\n" + documents.pdf(), "a.pdf"))[0]


async def test_pages_without_text_among_others_are_a_warning(read):
    from PIL import Image

    def mixed(page):
        page.drawString(72, 700, FACT)
        page.showPage()
        page.drawInlineImage(Image.new("RGB", (40, 40), "red"), 72, 600)

    text, warnings = await read(drawn(mixed), "a.pdf")
    assert FACT in text
    assert warnings == ("Page 2: only images or drawings, no text. Run text recognition (OCR).",)


async def test_a_page_that_is_damaged_is_a_warning_and_the_others_are_read(read):
    data = documents.pdf(PAGES[:3])
    kids = re.search(rb"/Kids \[ ?(\d+ 0 R) (\d+) 0 R", data)
    data = data[: kids.start(2)] + b"9" * len(kids[2]) + data[kids.end(2) :]
    text, warnings = await read(data, "a.pdf")
    assert PAGES[0] in text
    assert PAGES[2] in text
    assert warnings == ("Page 2: empty, or damaged.",)
