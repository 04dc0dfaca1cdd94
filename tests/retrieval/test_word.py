"""Word documents that are unusual or damaged in one place: all of their text is read, and what is not is a warning."""

import pytest

from retrieval.office import changed, element, package, paragraph, relations, run, word

BODY = paragraph(run("Body about a gnu."))


def note(kind, text):
    return element(f"w:{kind}s", f'<w:{kind} w:id="2">{paragraph(run(text))}</w:{kind}>')


def box(text):
    return f"<w:txbxContent>{paragraph(run(text))}</w:txbxContent>"


DRAWN_BOX = (
    '<w:r><mc:AlternateContent><mc:Choice Requires="wps"><w:drawing><a:graphic><a:graphicData><wps:wsp><wps:txbx>'
    f"{box('boxed')}</wps:txbx></wps:wsp></a:graphicData></a:graphic></w:drawing></mc:Choice><mc:Fallback><w:pict>"
    f"<v:shape><v:textbox>{box('boxed')}</v:textbox></v:shape></w:pict></mc:Fallback></mc:AlternateContent></w:r>"
)
NESTED = (
    f"<w:tbl><w:tr><w:tc>{paragraph(run('outer'))}<w:tbl><w:tr><w:tc>{paragraph(run('in1'))}</w:tc><w:tc>"
    f"{paragraph(run('in2'))}</w:tc></w:tr></w:tbl></w:tc><w:tc>{paragraph(run('second'))}</w:tc></w:tr></w:tbl>"
)
FIELD = (
    '<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>MERGEFIELD X</w:instrText></w:r>'
    f'<w:r><w:fldChar w:fldCharType="separate"/></w:r>{run("value")}<w:r><w:fldChar w:fldCharType="end"/></w:r>'
)
FRACTION = "<m:f><m:num><m:r><m:t>a+b</m:t></m:r></m:num><m:den><m:r><m:t>2</m:t></m:r></m:den></m:f>"
POWER = "<m:sSup><m:e><m:r><m:t>x</m:t></m:r></m:e><m:sup><m:r><m:t>2</m:t></m:r></m:sup></m:sSup>"
IMAGE = '<w:r><w:drawing><wp:inline><wp:docPr id="1" name="p" descr="a plover"/><a:blip r:embed="none"/></wp:inline></w:drawing></w:r>'


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        pytest.param(f'<w:hyperlink r:id="none">{run("link")}</w:hyperlink>', "link", id="link to nothing"),
        pytest.param(IMAGE, "[Image: a plover]", id="image of nothing"),
        pytest.param(f"{run('Dear ')}<w:fldSimple>{run('Ms Jacana')}</w:fldSimple>", "Dear Ms Jacana", id="field"),
        pytest.param(FIELD, "value", id="complex field"),
        pytest.param(f"<w:bdo>{run('one')}</w:bdo><w:dir>{run('two')}</w:dir>", "onetwo", id="bidirectional"),
        pytest.param(f"<w:ins>{run('new')}</w:ins><w:del><w:r><w:delText>old</w:delText></w:r></w:del>", "new", id="changes"),
        pytest.param(f"<w:moveTo>{run('here')}</w:moveTo><w:moveFrom>{run('there')}</w:moveFrom>", "here", id="moves"),
        pytest.param(f"<w:sdt><w:sdtContent>{run('control')}</w:sdtContent></w:sdt>", "control", id="control"),
        pytest.param(f"<w:smartTag>{run('smart')}</w:smartTag><w:customXml>{run('own')}</w:customXml>", "smartown", id="tags"),
        pytest.param(
            f"<w:r><w:ruby><w:rt>{run('kana')}</w:rt><w:rubyBase>{run('漢字')}</w:rubyBase></w:ruby></w:r>",
            "漢字(kana)", id="ruby",
        ),
        pytest.param(f"{run('Let ')}<m:oMath>{POWER}</m:oMath>", "Let x^2", id="power"),
        pytest.param(f"<m:oMathPara><m:oMath>{FRACTION}</m:oMath></m:oMathPara>", "(a+b)/2", id="fraction"),
        pytest.param("<w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t><w:noBreakHyphen/><w:t>d</w:t></w:r>", "a\tb\nc\u2011d", id="signs"),
        pytest.param('<w:r><w:sym w:font="Wingdings" w:char="F0FE"/><w:sym w:font="Symbol" w:char="F061"/></w:r>', "☑α", id="symbols"),
        pytest.param(DRAWN_BOX, "boxed", id="box"),
        pytest.param(f"<w:r><w:pict><v:shape><v:textbox>{box('old box')}</v:textbox></v:shape></w:pict></w:r>", "old box", id="old box"),
        pytest.param('<w:r><w:fldChar><w:ffData><w:ddList><w:result w:val="1"/><w:listEntry w:val="no"/><w:listEntry w:val="yes"/></w:ddList></w:ffData></w:fldChar></w:r>', "yes", id="list of a form"),
    ],
)  # fmt: skip
async def test_extraction_of_a_paragraph_preserves_the_text_of_every_element(read, inner, expected):
    text, warnings = await read(word(BODY + paragraph(inner)), "a.docx")
    assert text.split("\n\n") == ["Body about a gnu.", expected, ""]
    assert warnings == ()


async def test_headers_and_footers_stand_around_the_text_once(read):
    parts = {
        "header": ("header1.xml", element("w:hdr", paragraph(run("Wolverine Ltd")))),
        "footer": ("footer1.xml", element("w:ftr", paragraph(run("VAT 4711")))),
    }
    section = '<w:headerReference r:id="header"/><w:footerReference r:id="footer"/><w:headerReference r:id="none"/>'
    later = f"<w:p><w:pPr><w:sectPr>{section}</w:sectPr></w:pPr>{run('second section')}</w:p>"
    text, _ = await read(word(BODY + later, parts, section=section), "a.docx")
    assert text == "Wolverine Ltd\n\nBody about a gnu.\n\nsecond section\n\nVAT 4711\n\n"


async def test_notes_and_comments_are_read_where_they_belong(read):
    parts = {kind: (f"{kind}.xml", note(kind[:-1], f"of the {kind}")) for kind in ("footnotes", "endnotes", "comments")}
    body = paragraph(
        f'{run("here")}<w:r><w:footnoteReference w:id="2"/></w:r><w:r><w:endnoteReference w:id="2"/></w:r>'
        '<w:r><w:commentReference w:id="2"/></w:r><w:r><w:footnoteReference w:id="99"/></w:r>'
    )
    text, _ = await read(word(body, parts), "a.docx")
    assert text == "here[^1][^2]\n\nComment: of the comments\n\n[^1]: of the footnotes\n\n[^2]: of the endnotes\n\n"


async def test_styles_that_lack_their_id_or_name_cost_no_text(read):
    styles = element(
        "w:styles",
        '<w:style w:type="paragraph"><w:name w:val="x"/></w:style><w:style w:styleId="Überschrift1"/>'
        '<w:style w:styleId="H2"><w:name w:val="heading 2"/></w:style>',
    )
    body = '<w:p><w:pPr><w:pStyle w:val="H2"/></w:pPr><w:r><w:t>Berths</w:t></w:r></w:p>'
    text, _ = await read(word(body + BODY, {"styles": ("styles.xml", styles)}), "a.docx")
    assert text == "## Berths\n\nBody about a gnu.\n\n"


async def test_numbers_that_word_counts_are_written_out(read):
    levels = "".join(
        f'<w:lvl w:ilvl="{at}"><w:start w:val="1"/><w:numFmt w:val="{kind}"/><w:lvlText w:val="{text}"/></w:lvl>'
        for at, (kind, text) in enumerate([("decimal", "§ %1"), ("lowerLetter", "%1.%2)"), ("bullet", "o")])
    )
    numbering = element(
        "w:numbering",
        f'<w:abstractNum w:abstractNumId="7">{levels}</w:abstractNum><w:num w:numId="3"><w:abstractNumId w:val="7"/></w:num>',
    )
    body = "".join(
        f'<w:p><w:pPr><w:numPr><w:ilvl w:val="{at}"/><w:numId w:val="3"/></w:numPr></w:pPr>{run(text)}</w:p>'
        for at, text in [(0, "one"), (1, "sub"), (1, "next"), (0, "two"), (1, "again"), (2, "point")]
    )
    text, _ = await read(word(body, {"numbering": ("numbering.xml", numbering)}), "a.docx")
    assert text.split("\n\n")[:-1] == ["§ 1 one", "  1.a) sub", "  1.b) next", "§ 2 two", "  2.a) again", "    - point"]


async def test_a_table_in_a_table_stays_within_its_cell(read):
    text, _ = await read(word(NESTED), "a.docx")
    assert text == "| outer in1, in2 | second |\n| --- | --- |\n\n"


async def test_documents_within_the_text_are_read(read):
    inner = word(paragraph(run("inner document")))
    parts = {
        "aFChunk1": ("chunk.html", "<p>inner <b>page</b></p>"),
        "aFChunk2": ("chunk.docx", inner),
        "aFChunk3": ("chunk.bin", b"\0\1"),
    }
    body = "".join(f'<w:altChunk r:id="aFChunk{n}"/>' for n in (1, 2, 3, 4))
    text, warnings = await read(word(BODY + body, parts), "a.docx")
    assert "inner **page**" in text
    assert "inner document" in text
    assert len(warnings) == 2
    assert any("chunk.bin" in warning for warning in warnings)
    assert any("missing" in warning for warning in warnings)


async def test_charts_and_diagrams_in_a_document_are_read(read):
    chart = element(
        "c:chartSpace",
        "<c:chart><c:title><a:p><a:r><a:t>Sales</a:t></a:r></a:p></c:title><c:ser><c:tx><c:v>2024</c:v></c:tx><c:cat>"
        '<c:pt idx="0"><c:v>East</c:v></c:pt></c:cat><c:val><c:pt idx="0"><c:v>19.2</c:v></c:pt></c:val></c:ser></c:chart>',
    )
    diagram = element("dgm:dataModel", "<dgm:pt><dgm:t><a:p><a:r><a:t>Boss</a:t></a:r></a:p></dgm:t></dgm:pt>")
    parts = {"chart": ("charts/chart1.xml", chart), "diagramData": ("diagrams/data1.xml", diagram)}
    body = paragraph(
        '<w:r><w:drawing><c:chart r:id="chart"/></w:drawing><w:drawing><dgm:relIds r:dm="diagramData"/></w:drawing></w:r>'
    )
    text, _ = await read(word(body, parts), "a.docx")
    assert text == "Sales\n | 2024\nEast | 19.2\n\nBoss\n\n"


async def test_an_embedded_object_is_a_warning(read):
    text, warnings = await read(word(BODY + paragraph("<w:r><w:object><o:OLEObject/></w:object></w:r>")), "a.docx")
    assert text == "Body about a gnu.\n\n"
    assert warnings == ("An embedded object was not read.",)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda xml: xml[: xml.index(b"second") + 6], id="cut"),
        pytest.param(lambda xml: xml.replace(b"second", b"second &nbsp; & more"), id="entities"),
        pytest.param(lambda xml: xml.replace(b"second", b"second\x0b"), id="control character"),
        pytest.param(lambda xml: xml.replace(b"<w:t>second", b"<nsx:t><w:t>second"), id="unknown prefix"),
        pytest.param(lambda xml: xml.replace(b"second", "secönd".encode("latin-1") + b" second"), id="wrong encoding"),
    ],
)
async def test_damaged_xml_is_read_as_far_as_it_makes_sense(read, damage):
    whole = word(BODY + paragraph(run("second")) + paragraph(run("third")))
    data = changed(whole, lambda name, member: damage(member) if name == "word/document.xml" else member)
    text, warnings = await read(data, "a.docx")
    assert "Body about a gnu." in text
    assert "second" in text
    assert warnings == ("The part 'word/document.xml' is damaged; it was read as far as it makes sense.",)


async def test_a_part_that_is_missing_is_a_warning(read):
    section = '<w:headerReference r:id="header"/>'
    data = word(BODY, {"header": ("header1.xml", element("w:hdr", "")), "theme": ("theme.xml", "")}, section=section)
    text, warnings = await read(changed(data, lambda name, member: None if "header" in name else member), "a.docx")
    assert text == "Body about a gnu.\n\n"
    assert warnings == ("The part 'header1.xml' is missing.",)


async def test_a_damaged_member_is_read_to_where_it_is_whole(read):
    long = "".join(paragraph(run(f"paragraph {number} of words")) for number in range(3000))
    data = bytearray(word(long))
    at = data.index(b"word/document.xml") + 4000
    data[at : at + 40] = bytes(40)
    text, warnings = await read(bytes(data), "a.docx")
    assert "paragraph 7 of words" in text
    assert any("damaged" in warning for warning in warnings)


@pytest.mark.parametrize("lost", [1, 30, 200, 500])
async def test_an_archive_that_has_lost_its_end_is_read_with_a_warning(read, lost):
    data = word("".join(paragraph(run(f"number {n}")) for n in range(300)))
    text, warnings = await read(data[:-lost], "a.docx")
    assert text.startswith("number 0\n\nnumber 1\n\n")
    assert "is cut off" in warnings[0]


async def test_a_truncated_word_archive_is_read_up_to_the_cut(read):
    data = word("".join(paragraph(run(f"number {n * n % 977}")) for n in range(3000)))
    at = data.index(b"word/document.xml") + 6000
    text, warnings = await read(data[:at], "a.docx")
    assert text.startswith("number 0\n\nnumber 1\n\n")
    assert len(text) > 5000
    assert len(warnings) == 2


async def test_the_strict_dialect_and_other_names_of_parts_are_read(read):
    data = package(
        {
            "_rels/.rels": relations(officeDocument="Word\\Document2.xml"),
            "word/document2.xml": element("w:document", f"<w:body>{BODY}</w:body>").replace(
                "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
                "http://purl.oclc.org/ooxml/wordprocessingml/main",
            ),
        }
    )
    assert (await read(data, "a.docx"))[0] == "Body about a gnu.\n\n"


async def test_a_document_that_nests_too_deep_is_read_without_its_structure(read):
    deep = "<w:sdt><w:sdtContent>" * 3000 + paragraph(run("deep")) + "</w:sdtContent></w:sdt>" * 3000
    text, warnings = await read(word(BODY + deep), "a.docx")
    assert text.split() == ["Body", "about", "a", "gnu.", "deep"]
    assert warnings == ("The document is nested too deeply; its text was read without its structure.",)
