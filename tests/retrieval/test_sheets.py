"""Workbooks, presentations and OpenDocument files that are unusual in one place."""

import io

import openpyxl
import pptx
import pytest
from openpyxl.comments import Comment
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from retrieval.office import changed, element, opendocument, presentation, workbook

ROW = '<row r="1"><c r="A1" t="inlineStr"><is><t>quoll</t></is></c><c r="B1"><v>42</v></c></row>'


def saved(document):
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        pytest.param('<c r="A1"><v>1.234,5</v></c>', "1.234,5", id="number that is none"),
        pytest.param('<c r="A1" t="s"><v>1</v></c>', "second", id="shared string"),
        pytest.param('<c r="A1" t="s"><v>99</v></c>', "99", id="shared string that is none"),
        pytest.param('<c r="A1" s="99"><v>5</v></c>', "5", id="style that is none"),
        pytest.param('<c r="A1" s="1"><v>45356</v></c>', "2024-03-05", id="date"),
        pytest.param('<c r="A1" s="1"><v>45356.75</v></c>', "2024-03-05 18:00:00", id="date and time"),
        pytest.param('<c r="A1" s="1"><v>-5</v></c>', "-5", id="date before all dates"),
        pytest.param('<c r="A1" s="1"><v>9e99</v></c>', "9e+99", id="date after all dates"),
        pytest.param('<c r="A1" s="2"><v>0.19</v></c>', "19%", id="percentage"),
        pytest.param("<c><v>0.30000000000000004</v></c>", "0.3", id="binary fraction"),
        pytest.param('<c t="b"><v>1</v></c>', "TRUE", id="boolean"),
        pytest.param('<c t="e"><v>#N/A</v></c>', "#N/A", id="error"),
        pytest.param('<c r="!!"><f>SUM(A2:A9)</f></c>', "=SUM(A2:A9)", id="formula without a value"),
        pytest.param('<c r="A1"><f>1+1</f><v>2</v></c>', "2", id="formula with a value"),
        pytest.param('<c r="A1" t="str"><f>A2</f><v>text</v></c>', "text", id="formula of a text"),
        pytest.param('<c t="inlineStr"><is><r><t>one </t></r><r><t>two</t></r></is></c>', "one two", id="rich text"),
        pytest.param('<c t="nonsense"><v>7</v></c>', "7", id="type that is none"),
    ],
)
async def test_each_cell_is_read_for_itself(read, cell, expected):
    styles = (
        '<styleSheet><fills><fill/></fills><numFmts><numFmt numFmtId="200" formatCode="dd/mm/yyyy"/></numFmts><cellXfs>'
        '<xf/><xf numFmtId="200"/><xf numFmtId="9"/></cellXfs></styleSheet>'
    )
    shared = "<sst><si><t>first</t></si><si><r><t>sec</t></r><r><t>ond</t></r><rPh><t>reading</t></rPh></si></sst>"
    text, warnings = await read(workbook(f"<row>{cell}</row>{ROW}", shared=shared, styles=styles), "a.xlsx")
    assert text == f"# Data\n\n{expected}\nquoll | 42\n\n"
    assert warnings == ()


@pytest.mark.parametrize("part", ["docProps/core.xml", "docProps/app.xml", "xl/styles.xml", "xl/theme/theme1.xml"])
@pytest.mark.parametrize("damage", [b"", b"<x", b"<a:created>never</a:created>", None])
async def test_damaged_workbook_parts_outside_the_cells_lose_no_cell(read, part, damage):
    book = openpyxl.Workbook()
    book.active.append(["Final fossil quoll", 42])
    data = changed(saved(book), lambda name, member: damage if name == part else member)
    text, _ = await read(data, "a.xlsx")
    assert text == "# Sheet\n\nFinal fossil quoll | 42\n\n"


async def test_a_strict_workbook_is_read(read):
    assert (await read(workbook(ROW, strict=True), "a.xlsx"))[0] == "# Data\n\nquoll | 42\n\n"


async def test_a_shared_formula_is_repeated_in_each_cell(read):
    rows = '<row><c r="A1"><f t="shared" si="0" ref="A1:B1">C1*2</f></c><c r="B1"><f t="shared" si="0"/></c></row>'
    assert (await read(workbook(rows), "a.xlsx"))[0] == "# Data\n\n=C1*2 | =C1*2\n\n"


async def test_a_stray_cell_at_the_end_of_a_sheet_costs_neither_time_nor_text(read):
    book = openpyxl.Workbook()
    book.active["A1"], book.active["XFD1048576"] = "first", "stray"
    text, _ = await read(saved(book), "a.xlsx")
    assert text.startswith("# Sheet\n\nfirst\n |")
    assert text.endswith("| stray\n\n")
    assert len(text) < 300


async def test_a_sheet_that_is_cut_is_read_to_its_last_cell(read):
    rows = "".join(f'<row><c><v>{number}</v></c><c t="str"><v>row {number}</v></c></row>' for number in range(9000))
    data = changed(workbook(rows), lambda name, member: member[:-200] if "worksheets/sheet1.xml" in name else member)
    text, warnings = await read(data, "a.xlsx")
    assert text.count("row 4000\n") == 1
    assert "8990 | row 8990\n" in text
    assert "sheet1.xml" in warnings[0]


async def test_a_sheet_that_is_missing_is_a_warning(read):
    book = openpyxl.Workbook()
    book.active.append(["here"])
    book.create_sheet("Second").append(["gone"])
    data = changed(saved(book), lambda name, member: None if name.endswith("sheet2.xml") else member)
    text, warnings = await read(data, "a.xlsx")
    assert text == "# Sheet\n\nhere\n\n"
    assert "The sheet 'Second' is missing in the file." in warnings


async def test_comments_boxes_and_charts_of_a_sheet_are_read(read):
    book = openpyxl.Workbook()
    book.active["B2"] = "Möwe"
    book.active["B2"].comment = Comment("a bird remark", "Ines")
    drawing = element("xdr", "<a:p><a:r><a:t>in a box</a:t></a:r></a:p>")
    assert "Comment on B2: a bird remark\n" in (await read(saved(book), "a.xlsx"))[0]
    text, _ = await read(workbook(ROW, {"drawing": ("../drawings/drawing1.xml", drawing)}), "a.xlsx")
    assert "in a box\n" in text


async def test_a_workbook_without_a_list_of_sheets_is_read_from_its_parts(read):
    data = changed(workbook(ROW), lambda name, member: b"<workbook>" if name == "xl/workbook.xml" else member)
    assert "quoll | 42" in (await read(data, "a.xlsx"))[0]


# -- presentations ---------------------------------------------------------------------------------------------------


async def test_charts_groups_notes_and_alternatives_of_a_slide_are_read(read):
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    slide.shapes.title.text = "Welcome"
    data = CategoryChartData()
    data.categories = ["East", "West"]
    data.add_series("Sales", (19.2, 21.4))
    place = (Inches(1), Inches(3), Inches(4), Inches(3))
    slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, *place, data)
    slide.shapes.add_group_shape().shapes.add_group_shape().shapes.add_textbox(0, 0, 9, 9).text_frame.text = "in groups"
    slide.notes_slide.notes_text_frame.text = "of the speaker"
    text, warnings = await read(saved(deck), "a.pptx")
    assert text == ("## Slide 1\n\nWelcome\n | Sales\nEast | 19.2\nWest | 21.4\nin groups\n\nNotes: of the speaker\n\n")
    assert warnings == ()


async def test_diagrams_comments_fields_and_equations_of_a_slide_are_read(read):
    diagram = element("dgm:dataModel", "<dgm:pt><dgm:t><a:p><a:r><a:t>Boss</a:t></a:r></a:p></dgm:t></dgm:pt>")
    comments = element("p:cmLst", "<p:cm><p:text>too long</p:text></p:cm>")
    shapes = (
        "<p:sp><p:txBody><a:p><a:r><a:t>On </a:t></a:r><a:fld><a:t>Monday</a:t></a:fld></a:p></p:txBody></p:sp>"
        '<p:graphicFrame><a:graphic><a:graphicData><dgm:relIds r:dm="diagramData"/></a:graphicData></a:graphic></p:graphicFrame>'
        "<mc:AlternateContent><mc:Choice><p:sp><p:txBody><a:p><m:oMath><m:r><m:t>E=mc2</m:t></m:r></m:oMath></a:p></p:txBody></p:sp>"
        "</mc:Choice><mc:Fallback><p:sp><p:txBody><a:p><a:r><a:t>picture</a:t></a:r></a:p></p:txBody></p:sp></mc:Fallback></mc:AlternateContent>"
    )
    parts = {"diagramData": ("../diagrams/data1.xml", diagram), "comments": ("../comments/comment1.xml", comments)}
    text, _ = await read(presentation(shapes, parts), "a.pptx")
    assert text == "## Slide 1\n\nOn Monday\nBoss\nE=mc2\n\nComment: too long\n\n"


# -- OpenDocument ----------------------------------------------------------------------------------------------------


async def test_extraction_of_an_opendocument_text_preserves_all_text(read):
    body = (
        '<text:tracked-changes><text:p>deleted</text:p></text:tracked-changes><text:h text:outline-level="2">Harbour</text:h>'
        '<text:p>one<text:s text:c="2"/>two<text:tab/>three<text:line-break/>four<text:note><text:note-citation>1</text:note-citation>'
        "<text:note-body><text:p>a note</text:p></text:note-body></text:note></text:p>"
        "<text:list><text:list-item><text:p>item</text:p><text:list><text:list-item><text:p>sub</text:p></text:list-item></text:list>"
        "</text:list-item></text:list><table:table><table:table-row><table:table-cell><text:p>a</text:p></table:table-cell>"
        "<table:table-cell><text:p>b</text:p></table:table-cell></table:table-row></table:table>"
        "<text:p><draw:frame><draw:text-box><text:p>boxed</text:p></draw:text-box></draw:frame></text:p>"
        "<text:p>said<office:annotation><dc:creator>Ines</dc:creator><text:p>remark</text:p></office:annotation></text:p>"
    )
    styles = "<style:header><text:p>Wolverine</text:p></style:header><style:footer><text:p>Page <text:page-number>1</text:page-number></text:p></style:footer>"
    text, warnings = await read(opendocument("text", body, styles=styles), "a.odt")
    assert text.split("\n\n") == [
        "Wolverine", "## Harbour", "one  two\tthree\nfour [a note]", "- item", "  - sub", "a | b", "boxed", "said",
        "Comment by Ines: remark", "Page", "",
    ]  # fmt: skip
    assert warnings == ()


async def test_a_spreadsheet_with_a_million_repeated_cells_is_read_up_to_its_real_cells(read):
    rows = (
        '<table:table-row><table:table-cell><text:p>boat</text:p></table:table-cell><table:table-cell office:value="42"/>'
        '<table:table-cell table:formula="of:=[.B1]*2"/><table:table-cell table:number-columns-repeated="16381"/></table:table-row>'
        '<table:table-row table:number-rows-repeated="1048574"><table:table-cell table:number-columns-repeated="16384"/></table:table-row>'
        "<table:table-row><table:table-cell><text:p>end</text:p></table:table-cell></table:table-row>"
    )
    text, _ = await read(opendocument("spreadsheet", f'<table:table table:name="Boats">{rows}</table:table>'), "a.ods")
    assert text == "# Boats\n\nboat | 42 | =[.B1]*2\nend\n\n"


async def test_slides_of_an_opendocument_presentation_keep_their_notes(read):
    page = (
        "<draw:page><draw:frame><draw:text-box><text:p>Welcome</text:p></draw:text-box></draw:frame><presentation:notes>"
        "<draw:frame><draw:text-box><text:p>of the speaker</text:p></draw:text-box></draw:frame></presentation:notes></draw:page>"
    )
    text, _ = await read(opendocument("presentation", page * 2), "a.odp")
    assert text == "".join(f"## Slide {n}\n\nWelcome\n\nNotes: of the speaker\n\n" for n in (1, 2))


async def test_an_encrypted_opendocument_file_is_refused(refused):
    manifest = {"META-INF/manifest.xml": "<manifest><encryption-data/></manifest>"}
    code, message = await refused(opendocument("text", "", more=manifest), "a.odt")
    assert code == "invalid_file"
    assert "password" in message
