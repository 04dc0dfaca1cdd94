"""Chunks leave sections, tables and functions whole, and carry their headings, table header and page."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval import documents, office
from understudy.retrieval.chunk import SECTION_CHARACTERS, split_pieces, split_text

SENTENCE = "The ferry leaves Ostrand on the hour, and Velm at half past it. "
ROWS = "".join(f"| boat {number} | {number * 7} | Ostrand |\n" for number in range(40))
TABLE = f"| name | berths | harbour |\n| --- | --- | --- |\n{ROWS}"
FUNCTION = 'def berth_{0}(boat):\n    """Finds a berth."""\n    free = list_berths({0})\n\n    return free[boat]\n\n\n'
PARTS = st.sampled_from(
    [
        "# Harbour\n\n",
        "## Engines\n",
        "### Oil ###\n\n",
        "Title\n=====\n\n",
        "- - -\n",
        "```sh\n# a comment\nls | wc\n```\n\n",
        "```\n",
        "~~~~ \n",
        "| a | b |\n| --- | --- |\n| 1 | 2 |\n",
        "a | b | c\n1 | 2 | 3\n4 | 5 | 6\n\n",
        "x;y;z\n",
        SENTENCE,
        "\n\n",
        "def f(x):\n    return x\n\n",
        "|",
        "#",
        "漢字かな。",
        "word " * 40,
    ]
)
TEXTS = st.lists(PARTS, max_size=80).map("".join)
LAYOUTS = st.sampled_from(["markup", "code", "rows"])
SIZES = st.tuples(st.integers(20, 150), st.integers(0, 50)).map(lambda pair: (pair[0], pair[0] * pair[1] // 100))


@given(TEXTS, SIZES, LAYOUTS)
def test_structured_text_is_split_completely_and_in_order(text, sizes, layout):
    chunks = list(split_text(text, *sizes, layout))
    covered = 0
    for chunk in chunks:
        assert chunk.text == text[chunk.start : chunk.end] == chunk.text.strip() != ""
        assert not text[covered : chunk.start].strip()
        covered = chunk.end
    assert not text[covered:].strip()
    for one, two in pairwise(chunks):
        assert one.start < two.start
        assert one.end < two.end


@pytest.mark.parametrize("layout", ["markup", "code", "rows"])
def test_the_parts_in_which_a_text_arrives_do_not_change_its_context(layout):
    """Sections of the splitter end within tables, fences and below headings."""
    script = "```sh\n# no heading\n" + "ls -l\n" * 300 + "```"
    part = f"# Harbour\n\n## Boats\n\n{TABLE}\n{script}\n\n## Crew\n\n{SENTENCE * 30}\n\n"
    text = "name;berths\n" + part * (3 * SECTION_CHARACTERS // len(part))
    chunks = list(split_pieces([text[i : i + 7919] for i in range(0, len(text), 7919)], 200, 60, layout))
    headings = {chunk.headings for chunk in chunks}
    if layout == "markup":
        # The first lines stand above every heading.
        assert headings == {(), ("Harbour",), ("Harbour", "Boats"), ("Harbour", "Crew")}
        for chunk in chunks:
            within = chunk.text.startswith("| boat")
            assert chunk.header == ("| name | berths | harbour |\n| --- | --- | --- |" if within else "")
    else:
        assert headings == {()}
        assert {chunk.header for chunk in chunks[1:]} == {"name;berths" if layout == "rows" else ""}


def test_a_section_that_fits_is_left_whole_and_has_its_heading_path():
    text = (
        f"# Handbook\n\n{SENTENCE * 4}\n\n## Engines\n\n{SENTENCE * 9}\n\n### Oil\n\n{SENTENCE * 8}\n\n## Crew\n\nSix."
    )
    chunks = list(split_text(text, 200, 60))
    assert [(chunk.headings, chunk.text.split("\n")[0]) for chunk in chunks] == [
        (("Handbook",), "# Handbook"),
        (("Handbook", "Engines"), "## Engines"),
        (("Handbook", "Engines", "Oil"), "### Oil"),
    ]
    assert chunks[2].text.endswith("Six.")


def test_no_chunk_ends_with_a_heading():
    text = "".join(f"{SENTENCE * count}\n\n## Part {count}\n\n" for count in range(1, 40)) + "The end."
    for chunk in split_text(text, 150, 50):
        assert not chunk.text.splitlines()[-1].startswith("##")


def test_headings_below_a_line_and_in_bold_are_titles_and_comments_in_code_are_not():
    text = (
        "Handbook\n========\n\nFirst.\n\n**Not** one.\n\n## **Engines** `V8` ##\n\n```sh\n# comment\n```\n"
        + SENTENCE * 20
    )
    chunks = list(split_text(text, 100, 0))
    assert chunks[0].headings == ("Handbook",)
    assert chunks[-1].headings == ("Handbook", "Engines V8")
    assert next(split_text("# comment\nx = 1\n", 100, 0, "code")).headings == ()


@pytest.mark.parametrize(
    ("text", "layout", "header"),
    [
        (f"Boats.\n\n{TABLE}", "markup", "| name | berths | harbour |\n| --- | --- | --- |"),
        (f"name;berths;harbour\n{ROWS}", "rows", "name;berths;harbour"),
        ("# Boats\n\n" + "name | berths\n" + "Kormoran | 42\n" * 99, "markup", "name | berths"),
    ],
)
def test_chunks_within_a_table_have_its_header_and_are_not_larger_for_it(text, layout, header):
    chunks = list(split_text(text, 120, 30, layout))
    assert len(chunks) > 3
    for chunk in chunks[1:]:
        assert chunk.header == header
        assert chunk.text.splitlines()[0] in text.splitlines()
        assert len(chunk.header + chunk.text) <= len(chunks[0].text) * 1.4
    assert chunks[0].header == ""


def test_a_header_that_takes_too_much_of_a_chunk_is_not_repeated():
    text = ";".join(f"column {number}" for number in range(50)) + "\n" + "1;2;3\n" * 200
    assert {chunk.header for chunk in split_text(text, 100, 20, "rows")} == {""}


def test_a_table_that_fits_is_left_whole():
    table = "".join(TABLE.splitlines(keepends=True)[:8])
    chunks = list(split_text(f"{SENTENCE * 6}\n\n{table}\n{SENTENCE * 20}", 200, 50))
    assert any(table.strip() in chunk.text for chunk in chunks)


def test_functions_that_fit_are_left_whole():
    program = "import harbour\n\n\n" + "".join(FUNCTION.format(number) for number in range(30))
    chunks = list(split_text(program, 110, 40, "code"))
    for number in range(30):
        assert any(FUNCTION.format(number).strip() in chunk.text for chunk in chunks)
    for chunk in chunks[1:]:
        assert chunk.text.startswith("def ")


# -- pages -----------------------------------------------------------------------------------------------------

BREAK = "<w:r><w:lastRenderedPageBreak/></w:r>"


@pytest.fixture
def pages(extractor, tmp_path):
    """The numbers of the pages with the beginning of their text."""

    async def pages(data, filename, length):
        path = tmp_path / "document"
        path.write_bytes(data)
        found = await extractor.text(path, filename)
        text = found.path.read_bytes().decode()
        found.discard()
        return [(number, text[start : start + length]) for start, number in found.pages]

    return pages


async def test_pages_of_a_pdf_are_numbered_from_one(pages):
    data = documents.pdf(["Harbour rules", "", "Ebbe und Flut"])
    assert await pages(data, "a.pdf", 5) == [(1, "Harbo"), (2, "\n\nEbb"), (3, "Ebbe ")]


async def test_slides_are_pages(pages):
    assert await pages(documents.slides(), "a.pptx", 10) == [(1, "## Slide 1"), (2, "## Slide 2")]


async def test_pages_of_a_word_document_are_those_that_word_has_broken(pages):
    body = (
        office.paragraph(office.run("One"))
        + office.paragraph(BREAK + office.run("Two"))
        + office.paragraph(office.run("Two again") + BREAK + office.run(", three"))
        + office.paragraph(office.run("Three"))
    )
    found = await pages(office.word(body), "a.docx", 5)
    assert found == [(1, "One\n\n"), (2, "Two\n\n"), (3, "Three")]
    assert await pages(documents.word(), "a.docx", 5) == []


SOFT = "<text:soft-page-break/>"
PAGE_STYLES = (
    '<style:style style:name="Break"><style:paragraph-properties fo:break-before="page"/></style:style>'
    '<style:style style:name="Chapter" style:parent-style-name="Break"/>'
    '<style:style style:name="Last"><style:paragraph-properties fo:break-after="page"/></style:style>'
    '<style:style style:name="Landscape" style:master-page-name="Wide"/>'
)


def styled(name, text):
    return f'<text:p text:style-name="{name}">{text}</text:p>'


async def test_pages_of_an_opendocument_text_are_those_of_its_breaks(pages):
    cell = f"<table:table-cell><text:p>a{SOFT}</text:p></table:table-cell>"
    row = f"<table:table-row>{cell}{cell}</table:table-row>"
    body = (
        styled("Chapter", "One")
        + f"<text:p><text:span>{SOFT}Two</text:span></text:p>"
        + f"<text:p>Two again{SOFT}, three</text:p>"
        + SOFT
        + styled("Chapter", "Five")
        + styled("Last", "Five again")
        + styled("Landscape", "Seven")
        + f"<table:table>{row}{SOFT}{row}</table:table>"
        + "<text:p>Ten</text:p>"
    )
    styles = f"<office:styles>{PAGE_STYLES}</office:styles>"
    found = await pages(office.opendocument("text", body, styles=styles), "a.odt", 5)
    assert found == [(1, "One\n\n"), (2, "Two\n\n"), (5, "Five\n"), (7, "Seven"), (10, "Ten\n\n")]
    plain = office.opendocument("text", styled("Chapter", "One") + styled("Chapter", "Two"), styles=styles)
    assert await pages(plain, "a.odt", 5) == []


async def test_slides_of_an_opendocument_presentation_are_pages(pages):
    slides = "".join(f"<draw:page><draw:text-box><text:p>{text}</text:p></draw:text-box></draw:page>" for text in "ab")
    found = await pages(office.opendocument("presentation", slides), "a.odp", 10)
    assert found == [(1, "## Slide 1"), (2, "## Slide 2")]
