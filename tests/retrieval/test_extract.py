"""Text extraction from documents of all formats, and from broken, hostile or mislabelled ones."""

import asyncio
import gzip
import io
import re
import struct
import zipfile
import zlib

import psutil
import pytest

from retrieval import documents
from retrieval.documents import FACT
from understudy.retrieval.children import ChildPool
from understudy.retrieval.extract import ExtractionError, Extractor
from understudy.retrieval.messages import Extract
from understudy.retrieval.reading import list_formats
from waiting import eventually

UNICODE = "Zażółć gęślą jaźń — 漢字 🚀 é\n"
LONG = b"<p>x</p>" * (1 << 19)
"""A page that takes many seconds to read."""

HOSTED = set(
    re.findall(r"\w+", "c cs cpp css docx go html java js json md pdf php pptx py rb sh tex ts txt csv xlsx xml"),
)


@pytest.fixture
def processes():
    """Lists the processes that extract for this test; other tests share some as well."""
    before = _list_processes()
    return lambda: [one for one in _list_processes() if one not in before]


def _list_processes():
    return [one for one in psutil.Process().children() if "understudy.retrieval.child" in one.cmdline()]


def test_all_formats_of_the_hosted_service_are_known():
    assert not HOSTED - set(list_formats())


async def test_extraction_of_a_word_document_preserves_headings_and_tables(extract):
    text = await extract(documents.word(), "harbour.docx")
    assert "# Harbour" in text
    assert FACT in text
    assert "| Kormoran | 42 |" in text


async def test_extraction_of_a_presentation_preserves_slides_tables_and_notes(extract):
    text = await extract(documents.slides(), "deck.pptx")
    assert text.index("## Slide 1") < text.index("Welcome") < text.index("## Slide 2") < text.index("Numbers")
    assert "berths | 42" in text
    assert f"Notes: {FACT}" in text


async def test_extraction_of_a_workbook_preserves_sheets_and_rows(extract):
    text = await extract(documents.sheets(), "boats.xlsx")
    assert text.index("# Boats") < text.index("1 | Kormoran | 42") < text.index("2 | Möwe\n") < text.index("# Staff")
    assert FACT in text


async def test_a_pdf_is_read_page_by_page(extract):
    text = await extract(documents.pdf(), "rules.pdf")
    assert text.split("\n\n")[:2] == ["Harbour rules", FACT]


async def test_a_web_page_becomes_markdown_without_its_scripts(extract):
    page = f"""<!doctype html><html><head><title>Port</title><style>p{{color:red}}</style></head><body><h2>Who</h2>
    <script>alert('no')</script><p>{FACT}</p><table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>
    <p>caf&eacute; &amp; bar</p></body></html>"""
    text = await extract(page.encode(), "port.html")
    assert "## Who" in text
    assert FACT in text
    assert "| 1 | 2 |" in text
    assert "café & bar" in text
    assert "Port" in text
    assert "alert" not in text
    assert "color" not in text


async def test_rich_text_is_read(extract):
    assert FACT in await extract(rb"{\rtf1\ansi{\b " + FACT.encode() + rb"}\par}", "note.rtf")


@pytest.mark.parametrize(
    "name", ["a.txt", "A.MD", "b.json", "c.csv", "d.py", "e.tex", "f.xml", "Makefile", "g.tar.yaml"]
)
async def test_text_stays_as_it_is(extract, name):
    assert await extract(UNICODE.encode(), name) == UNICODE


@pytest.mark.parametrize(
    "encoding",
    [
        "utf-8",
        "utf-8-sig",
        "utf-16",
        "utf-16-le",
        "utf-16-be",
        "utf-32",
        "cp1252",
        "cp1250",
        "shift_jis",
        "gb18030",
        "koi8-r",
    ],
)
async def test_encodings_are_found_out(extract, encoding):
    languages = {
        "cp1252": "Die Kündigung muss schriftlich erfolgen, größere Änderungen bedürfen der Zustimmung. " * 5,
        "cp1250": "Zażółć gęślą jaźń, a potem wróć do domu przed północą, bo będzie późno. " * 5,
        "shift_jis": "図書館の開館時間は午前九時から午後八時までです。月曜日は休みです。" * 5,
        "gb18030": "访客须在前台出示身份证件并领取临时胸牌。会议室须提前两天预订。" * 5,
        "koi8-r": "Посетители должны зарегистрироваться и получить временный пропуск. " * 5,
    }
    text = languages.get(encoding, "Harbour master: Zażółć 漢字. " * 5)
    data = text.encode(encoding)
    if encoding == "utf-16":
        assert data[:2] in {b"\xff\xfe", b"\xfe\xff"}
    assert await extract(data, "text.txt") == text


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "Le café est fermé à cause de la fête, voilà. Où êtes-vous allés hier soir après le dîner ?"),
        ("latin-1", "Les élèves préparent le théâtre de Noël à l'école."),
        ("cp1252", "El niño comió piña en la mañana. ¿Dónde está el baño? ¡Qué fácil!"),
        ("cp1252", "It\u2019s a \u201ctest\u201d \u2013 nothing more. The manager said so."),
        ("cp1250", "Příliš žluťoučký kůň úpěl ďábelské ódy. Dnes večer půjdeme do kina."),
        ("cp1250", "Árvíztűrő tükörfúrógép. Őszintén szólva nem tudom, hogy mi történt."),
        ("cp1254", "Bugün hava çok güzel. Şeker, k\u0131ş, İstanbul ve güneş. Çocuklar okula gidiyor."),
        ("cp1253", "Καλημέρα σας, τι κάνετε σήμερα; Σήμερα έχει ωραίο καιρό."),
        ("cp1251", "Сегодня хорошая погода, и мы пойдём гулять в парк. Завтра будет дождь."),
    ],
)
async def test_the_code_page_is_detected_from_the_letters_of_a_language(extract, encoding, text):
    assert await extract(text.encode(encoding), "text.txt") == text
    assert await extract(f"{text}\n".encode(encoding) * 500, "text.csv") == f"{text}\n" * 500


async def test_line_endings_are_normalised_even_across_pieces(extract):
    text = "one\r\ntwo\rthree\n" + "x" * ((1 << 20) - 16) + "\r\nend\r"
    assert await extract(text.encode(), "a.txt") == text.replace("\r\n", "\n").replace("\r", "\n")


async def test_a_nul_in_a_text_is_left_out(extract):
    assert await extract(b"one\x00two " * 2 + b"three " * 50, "a.txt") == "onetwo " * 2 + "three " * 50


@pytest.mark.parametrize("name", ["a.exe", "photo.png", "old.wpd", "x.zip", "noise.mp3"])
async def test_an_unknown_file_format_is_unsupported(refused, name):
    code, message = await refused(b"whatever", name)
    assert code == "unsupported_file"
    assert f"'.{name.rpartition('.')[2]}'" in message
    assert ".docx".lstrip(".") in message


PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + bytes(range(256)) * 20
BOMB = documents.archive(word__document_xml=b"<w:p>" * (100 << 20 >> 2))
HUGE_SHARED = documents.archive(
    xl__workbook_xml=b"<workbook/>",
    xl__sharedStrings_xml=b"<sst>" + b"<si><t>lol</t></si>" * (20 << 20 >> 2) + b"</sst>",
)
LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a "lol">'
    + "".join(f'<!ENTITY {two} "{f"&{one};" * 10}">' for one, two in zip("abcdefghi", "bcdefghij", strict=True))
    + "]>"
)
LAUGHING = documents.archive(ppt__presentation_xml=LAUGHS + "<p>&j;</p>", ppt__slides__slide1_xml=LAUGHS + "<p>&j;</p>")


@pytest.mark.parametrize(
    ("data", "name", "said"),
    [
        pytest.param(b"", "a.txt", "is empty", id="empty"),
        pytest.param(b" \n\t ", "a.txt", "no text", id="blank"),
        pytest.param(b"<html><script>1</script></html>", "a.html", "no text", id="page without text"),
        pytest.param(PNG, "a.txt", "a PNG image", id="picture as text"),
        pytest.param(documents.pdf(), "a.md", "a PDF", id="pdf as text"),
        pytest.param(documents.word(), "README", "a ZIP archive", id="word as text"),
        pytest.param(gzip.compress(b"text" * 99), "a.csv", "a gzip archive", id="gzip as text"),
        pytest.param(zlib.compress(bytes(range(256)) * 99) * 9, "a.txt", "binary data", id="binary as text"),
        pytest.param(b"plain text", "a.pdf", "not a PDF", id="text as pdf"),
        pytest.param(b"plain text", "a.docx", "not a Word document", id="text as word"),
        pytest.param(b"plain text", "a.rtf", "not RTF", id="text as rtf"),
        pytest.param(
            b"\xd0\xcf\x11\xe0" + bytes(600), "a.xlsx", "has a password, or a format from before 2007", id="ole"
        ),
        pytest.param(documents.pdf(password="secret"), "a.pdf", "protected by a password", id="encrypted pdf"),
        pytest.param(documents.pdf(pages=["", ""]), "a.pdf", "no text, only images", id="scanned pdf"),
        pytest.param(documents.word()[:200], "a.docx", "damaged", id="truncated word"),
        pytest.param(documents.slides()[:200], "a.pptx", "damaged", id="truncated slides"),
        pytest.param(b"%PDF-1.7\n" + bytes(5000), "a.pdf", "damaged", id="broken pdf"),
        pytest.param(BOMB, "a.docx", "its unpacked size exceeds the limit", id="zip bomb"),
        pytest.param(LAUGHING, "a.pptx", "", id="billion laughs"),
        pytest.param(HUGE_SHARED, "a.xlsx", "", id="large strings"),
        pytest.param(b"x" * (9 << 20), "a.txt", "more than 8388608 bytes of text", id="too much text"),
    ],
)
async def test_an_unreadable_document_is_an_invalid_file_with_a_reason(refused, tmp_path, data, name, said):
    code, message = await refused(data, name)
    assert code == "invalid_file"
    assert said in message
    assert "Traceback" not in message
    assert str(tmp_path) not in message
    assert list((tmp_path / "spool").iterdir()) == []


async def test_a_sheet_that_declares_a_million_rows_is_read_up_to_its_real_rows(extract):
    path, out = io.BytesIO(documents.sheets()), io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b'ref="A1:C2"', b'ref="A1:XFD1048576"'))
    assert b"XFD1048576" in zipfile.ZipFile(out).read("xl/worksheets/sheet1.xml")
    assert "Kormoran" in await extract(out.getvalue(), "boats.xlsx")


async def test_deeply_nested_html_is_read_all_the_same(extract):
    assert FACT in await extract(b"<div>" * 3000 + FACT.encode() + b"</div>" * 3000, "deep.html")


async def test_reading_a_document_times_out(children, tmp_path):
    path = tmp_path / "endless"
    path.write_bytes(LONG)
    with pytest.raises(ExtractionError, match=r"timed out after 0\.01 s") as caught:
        await Extractor(children, tmp_path / "spool", seconds=0.01, text_bytes=1 << 20).text(path, "a.html")
    assert caught.value.code == "invalid_file"
    assert list((tmp_path / "spool").iterdir()) == []


async def test_an_extraction_that_exceeds_its_memory_limit_fails_alone(tmp_path):
    small = ChildPool(1, 160 << 20)
    try:
        extractor = Extractor(small, tmp_path / "spool", seconds=30, text_bytes=1 << 30)
        path = tmp_path / "page"
        path.write_bytes(b"<p>x</p>" * (4 << 20))
        with pytest.raises(ExtractionError) as caught:
            await extractor.text(path, "a.html")
        assert caught.value.code == "invalid_file"
        path.write_text(FACT)
        assert (await extractor.text(path, "a.txt")).characters == len(FACT)
    finally:
        await small.close()


async def test_a_killed_child_is_replaced(children, extractor, tmp_path, processes):
    path = tmp_path / "text"
    path.write_text(FACT)
    await extractor.text(path, "a.txt")
    (child,) = processes()
    child.kill()
    with pytest.raises(ExtractionError):
        await extractor.text(path, "a.txt")
    assert (await extractor.text(path, "a.txt")).characters == len(FACT)


async def test_cancelling_a_request_kills_the_extraction_process(children, tmp_path, processes):
    path = tmp_path / "long"
    path.write_bytes(LONG)
    task = asyncio.create_task(_asked(children, path, tmp_path / "out"))
    await asyncio.to_thread(eventually, (tmp_path / "out").exists)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await children.close()
    assert processes() == []


async def _asked(children, path, out):
    async with children.lease() as child:
        await child.request(Extract(str(path), "a.html", str(out), 1 << 30), 60)


async def test_a_childs_environment_contains_no_secret_of_the_server(children, monkeypatch, processes):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    async with children.lease():
        (child,) = await asyncio.to_thread(eventually, processes)
        assert "sk-very-secret" not in child.environ().values()


async def test_no_more_children_than_allowed_work_at_a_time(children, extractor, tmp_path, processes):
    path = tmp_path / "text"
    path.write_text(FACT * 1000)
    found = await asyncio.gather(*(extractor.text(path, "a.txt") for _ in range(20)))
    assert len(found) == 20
    assert len(processes()) <= 2


async def test_leftovers_of_an_earlier_process_are_removed(children, tmp_path):
    spool = tmp_path / "spool"
    spool.mkdir()
    (spool / "left.txt").write_text("half a text")
    Extractor(children, spool, seconds=1, text_bytes=1)
    assert list(spool.iterdir()) == []
