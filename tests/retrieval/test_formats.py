"""Formats by their suffixes and by their bytes, and what the markup of pages, letters and rich text leaves out or breaks."""

import io
import zipfile

import pytest

from retrieval import documents, office
from retrieval.documents import FACT
from retrieval.test_damage import sample
from retrieval.test_pdf import one_page, stream

FLAT = (
    '<office:document xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"'
    ' xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:text>'
    f'<text:h text:outline-level="2">Rules</text:h><text:p>{FACT}</text:p></office:text></office:body></office:document>'
)
MAILBOX = (
    "From a@port.example Mon Jan  1 00:00:00 2024\nFrom: a@port.example\nSubject: Berths\n\nThe first letter.\n\n"
    "From b@port.example Tue Jan  2 00:00:00 2024\nFrom: b@port.example\nSubject: Buoys\n\nThe second letter.\n"
)
ARCHIVED_PAGE = (
    'Content-Type: multipart/related; type="text/html"; boundary="b"\nSubject: Port\nMIME-Version: 1.0\n\n'
    f"--b\nContent-Type: text/html; charset=utf-8\n\n<h1>Port</h1><p>{FACT}</p>\n"
    "--b\nContent-Type: text/css\n\nbody { color: red }\n--b--\n"
)


@pytest.mark.parametrize("suffix", ["dotm", "ppsm", "potx", "potm", "xltm"])
async def test_templates_and_documents_with_macros_are_read(read, suffix):
    made = {"d": documents.word, "p": documents.slides, "x": documents.sheets}[suffix[0]]()
    assert FACT in (await read(made, f"a.{suffix}"))[0]


@pytest.mark.parametrize("suffix", ["dot", "pot", "pps", "xlt"])
async def test_templates_of_before_2007_are_read(read, suffix):
    kind = {"d": "doc", "p": "ppt", "x": "xls"}[suffix[0]]
    data = sample(f"old.{kind}")
    assert (await read(data, f"a.{suffix}"))[0] == (await read(data, f"a.{kind}"))[0]


@pytest.mark.parametrize("name", ["a.fodt", "a.fods", "a.FODP"])
async def test_opendocument_in_one_xml_file_is_read(read, name):
    text, warnings = await read(FLAT, name)
    assert f"## Rules\n\n{FACT}" in text
    assert not warnings
    text, warnings = await read(FLAT.replace("</text:p>", ""), name)
    assert FACT in text
    assert "is damaged" in warnings[0]


async def test_another_xml_file_is_no_opendocument(refused):
    assert (await refused(b"<a/>", "a.fodt"))[1] == "The file is not an OpenDocument file, despite its name."


async def test_every_letter_of_a_mailbox_is_read(read, refused):
    text, _ = await read(MAILBOX, "archive.mbox")
    assert text.index("Subject: Berths") < text.index("The first letter.") < text.index("Subject: Buoys")
    assert "The second letter." in text
    assert (await refused(b"no letter", "a.mbox"))[1] == "The file is not a mailbox, despite its name."


@pytest.mark.parametrize("suffix", ["mht", "mhtml"])
async def test_an_archived_web_page_is_read_without_its_styles(read, suffix):
    text, _ = await read(ARCHIVED_PAGE, f"a.{suffix}")
    assert f"# Port\n\n{FACT}" in text
    assert "color" not in text


@pytest.mark.parametrize("suffix", ["dart", "ics", "vcf", "svg", "ndjson", "proto", "tf", "BAT", "mjs", "graphql"])
async def test_more_kinds_of_text_are_read_unchanged(read, suffix):
    assert (await read(FACT, f"a.{suffix}"))[0] == FACT


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (documents.word, "a.pdf"),
        (documents.pdf, "a.docx"),
        (documents.sheets, "a.docx"),
        (documents.slides, "a.xlsx"),
        (lambda: office.book({"1.xhtml": f"<p>{FACT}</p>"}), "a.docx"),
        (lambda: office.opendocument("text", f"<text:p>{FACT}</text:p>"), "a.docx"),
        (lambda: rb"{\rtf1 " + FACT.encode() + b"}", "a.docx"),
        (documents.pdf, "a.eml"),
    ],
)
async def test_a_document_with_another_formats_suffix_is_read_by_its_bytes(read, make, name):
    assert FACT in (await read(make(), name))[0]


@pytest.mark.parametrize("words", ["password/rule", "an xl/ask", "word/by/word"])
async def test_the_words_of_an_uncompressed_document_do_not_change_its_format(read, words):
    with zipfile.ZipFile(io.BytesIO(documents.slides())) as packed:
        parts = {name: packed.read(name).replace(b"Welcome", words.encode()) for name in packed.namelist()}
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w") as archive:
        for name in sorted(parts, key=lambda name: "slides/slide" not in name):
            archive.writestr(name, parts[name])

    assert words in (await read(stored.getvalue(), "a.pptx"))[0]


async def test_a_letter_about_a_format_stays_a_letter(read):
    text, _ = await read(f"From: a@port.example\nSubject: Broken %PDF-1.7 header\n\n{FACT}", "a.eml")
    assert "Subject: Broken %PDF-1.7 header" in text
    assert FACT in text
    assert FACT in (await read(b"\x00\n" + documents.pdf(), "a.docx"))[0]


async def test_an_old_workbook_with_the_suffix_of_a_current_one_is_read(read):
    assert (await read(sample("old.xls"), "a.xlsx"))[0] == (await read(sample("old.xls"), "a.xls"))[0]


async def test_a_table_with_tabs_is_read_as_a_workbook(read):
    table = "Berth\tMaster\n7\tInes Okafor\n"
    assert (await read(table, "export.xls"))[0] == table
    assert (await read(table.encode("utf-16"), "export.xls"))[0] == table


async def test_the_refusal_of_a_workbook_has_the_right_article(refused):
    message = (await refused(b"plain words", "a.xlsx"))[1]
    assert message == "The file is not an Excel workbook, despite its name, or it is damaged."


async def test_elements_without_end_tags_stay_apart(read):
    page = "<ul><li>one<li>two<ul><li>in</ul><li>three</ul><p>first<p>second<table><tr><td>a<td>b<tr><td>c<td>d</table>"
    text, _ = await read(page, "a.html")
    assert text == "* one\n* two\n  + in\n* three\n\nfirst\n\nsecond\n\n|  |  |\n| --- | --- |\n| a | b |\n| c | d |"


async def test_lines_of_forms_and_details_stay_apart(read):
    text, _ = await read(
        "<details><summary>More</summary>inside</details><select><option>A<option>B</select>", "a.html"
    )
    assert text.split() == ["More", "inside", "A", "B"]


async def test_descriptions_of_images_are_read_and_declarations_are_not(read):
    page = '<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html><p>Seen: <img alt="A  buoy" src="b.png"><img src="c.png"></p>'
    assert (await read(page, "a.xhtml"))[0] == "Seen: [Image: A buoy]"
    assert "xml version" not in (await read(office.book({"1.xhtml": page}), "a.epub"))[0]


async def test_letters_beyond_the_first_plane_are_read_in_rich_text(read):
    assert (await read(rb"{\rtf1 a \u-10179?\u-8704? b \u99999999? c}", "a.rtf"))[0] == "a \U0001f600 b ? c"


async def test_text_boxes_and_results_of_objects_are_read_in_rich_text(read):
    text, _ = await read(
        rb"{\rtf1 x{\shp{\*\shpinst\shpleft0{\sp{\sn a}{\sv 1}}{\shptxt In the box\par}}{\shprslt again}}"
        rb"{\object\objemb{\*\objdata 0102}{\result{\pict 0102}Its words}}}", "a.rtf",
    )  # fmt: skip
    assert [line.strip() for line in text.split("\n") if line.strip()] == ["x", "In the box", "Its words"]


@pytest.mark.parametrize("word", ["bin64", "footnote", "header", "object", "result x", "u123456", "uc"])
async def test_a_path_in_rich_text_is_no_control_word(read, word):
    text, warnings = await read(rb"{\rtf1 {C:\\" + word.encode() + rb"\\tools\\} " + FACT.encode() + b"}", "a.rtf")
    assert text == f"C:\\{word}\\tools\\ {FACT}"
    assert not warnings


async def test_braces_in_the_bytes_of_a_picture_do_not_end_the_text(read):
    text, warnings = await read(rb"{\rtf1 before {\pict\bin6 }}}{{\ } after}", "a.rtf")
    assert text.split() == ["before", "after"]
    assert not warnings


@pytest.mark.parametrize(
    ("letter", "expected"),
    [
        pytest.param("\ufeffFrom: a@b\nSubject: Berths\n\nFree berths.", "Subject: Berths\n\nFree berths.", id="mark"),
        pytest.param("From: a@b\nContent-Type: multipart/mixed\n\nFree berths.", "Free berths.", id="no boundary"),
        pytest.param(
            "From: a@b\nContent-Transfer-Encoding: base64\n\nRnJlZSBiZXJ0aHMu!!\n=x", "Free berths.", id="base64"
        ),
        pytest.param(
            "From: a@b\nSubject: Liegeplätze für Kähne\n\nFree.".encode("latin-1"), "Liegeplätze für Kähne", id="header"
        ),
    ],
)
async def test_a_letter_with_a_fault_is_read(read, letter, expected):
    assert expected in (await read(letter, "a.eml"))[0]


async def test_a_form_in_xfa_is_read(read):
    form = (
        '<xdp:xdp xmlns:xdp="http://ns.adobe.com/xdp/"><template xmlns="http://www.xfa.org/schema/xfa-template/3.3/"><field>'
        "<caption><value><text>Harbour master</text></value></caption></field></template>"
        '<xfa:datasets xmlns:xfa="http://www.xfa.org/schema/xfa-data/1.0/"><xfa:data><f><master>Ines</master><none/></f></xfa:data>'
        "</xfa:datasets></xdp:xdp>"
    )  # fmt: skip
    data = one_page(more=[stream(form.encode())], catalog=b"/NeedsRendering true/AcroForm<</Fields[]/XFA 6 0 R>>")
    text, _ = await read(data, "a.pdf")
    assert text.split("\n") == ["Body", "", "Harbour master", "master: Ines", ""]


async def test_sheets_that_the_list_of_parts_leaves_out_are_read(read):
    def drop(name, data):
        return data.partition(b"<Relationship ")[0] if name == "xl/_rels/workbook.xml.rels" else data

    text, warnings = await read(office.changed(documents.sheets(), drop), "a.xlsx")
    assert FACT in text
    assert "was read as far as it makes sense" in warnings[0]


async def test_slides_without_a_presentation_part_are_read(read):
    lost = office.changed(documents.slides(), lambda name, data: None if name == "ppt/presentation.xml" else data)
    assert FACT in (await read(lost, "a.pptx"))[0]


@pytest.mark.parametrize(
    ("encoding", "text"), [("iso2022_kr", "계약은 화요일 서울에서"), ("hz", "合同于星期二在上海签署")]
)
async def test_encodings_of_seven_bits_are_detected(read, encoding, text):
    assert (await read((text + "\n").encode(encoding) * 3, "a.txt"))[0] == (text + "\n") * 3


async def test_a_zero_in_a_short_english_text_does_not_make_it_chinese(refused):
    assert "binary data" in (await refused(b"a,b\x00\n1,2\n", "a.csv"))[1]
