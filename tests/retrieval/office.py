"""Office documents put together element by element, so that each can be odd in one place."""

import io
import posixpath
import zipfile

_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PREFIXES = " ".join(
    f'xmlns:{prefix}="{uri}"'
    for prefix, uri in {
        "w": "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
        "r": _RELATIONS,
        "m": "http://schemas.openxmlformats.org/officeDocument/2006/math",
        "a": "http://schemas.openxmlformats.org/drawingml/2006/main",
        "c": "http://schemas.openxmlformats.org/drawingml/2006/chart",
        "dgm": "http://schemas.openxmlformats.org/drawingml/2006/diagram",
        "mc": "http://schemas.openxmlformats.org/markup-compatibility/2006",
        "o": "urn:schemas-microsoft-com:office:office",
        "p": "http://schemas.openxmlformats.org/presentationml/2006/main",
        "v": "urn:schemas-microsoft-com:vml",
        "wp": "http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing",
        "wps": "http://schemas.microsoft.com/office/word/2010/wordprocessingShape",
    }.items()
)
TYPES = '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'


def package(members):
    """A ZIP of text or bytes by path."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            kind = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            file.writestr(posixpath.normpath(name), data, kind)
    return buffer.getvalue()


def changed(data, change):
    """A package with `change(name, bytes)` for each member; None leaves one out."""
    with zipfile.ZipFile(io.BytesIO(data)) as old:
        members = {name: change(name, old.read(name)) for name in old.namelist()}
    return package({name: member for name, member in members.items() if member is not None})


def relations(**targets):
    """`kind=target` becomes a relation with the id `kind`, without a digit at its end as its type."""
    entries = "".join(
        f'<Relationship Id="{name}" Type="{_RELATIONS}/{name.rstrip("0123456789")}" Target="{target}"/>'
        for name, target in targets.items()
    )
    return (
        f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{entries}</Relationships>'
    )


def element(tag, inner="", **attributes):
    written = "".join(f' w:{name}="{value}"' for name, value in attributes.items())
    return f"<{tag} {_PREFIXES}{written}>{inner}</{tag}>"


def run(text):
    return f"<w:r><w:t>{text}</w:t></w:r>"


def paragraph(inner):
    return f"<w:p>{inner}</w:p>"


def word(body, parts=None, *, section=""):
    """A Word document; `parts` by relation, as `name: (target, content)`."""
    parts = parts or {}
    return package(
        {
            "[Content_Types].xml": TYPES,
            "_rels/.rels": relations(officeDocument="word/document.xml"),
            "word/document.xml": element("w:document", f"<w:body>{body}<w:sectPr>{section}</w:sectPr></w:body>"),
            "word/_rels/document.xml.rels": relations(**{name: target for name, (target, _) in parts.items()}),
            **{f"word/{target}": content for target, content in parts.values()},
        }
    )


def workbook(rows, parts=None, *, shared=None, styles=None, strict=False):
    """An Excel workbook of one sheet, "Data"; `rows` is the sheet's data as XML, `parts` are those of the sheet."""
    main = (
        "http://purl.oclc.org/ooxml/spreadsheetml/main"
        if strict
        else ("http://schemas.openxmlformats.org/spreadsheetml/2006/main")
    )
    links = "http://purl.oclc.org/ooxml/officeDocument/relationships" if strict else _RELATIONS
    parts = parts or {}
    beside = {"sheet": "worksheets/sheet1.xml"}
    members = {}
    for name, file, content in (("sharedStrings", "sharedStrings.xml", shared), ("styles", "styles.xml", styles)):
        if content is not None:
            beside[name] = file
            members[f"xl/{file}"] = content.replace("<sst", f'<sst xmlns="{main}"').replace(
                "<styleSheet", f'<styleSheet xmlns="{main}"'
            )
    return package(
        {
            "[Content_Types].xml": TYPES,
            "_rels/.rels": relations(officeDocument="xl/workbook.xml"),
            "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{links}"><sheets><sheet name="Data" sheetId="1" r:id="sheet"/>'
            "</sheets></workbook>",
            "xl/_rels/workbook.xml.rels": relations(**beside),
            "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{rows}</sheetData></worksheet>',
            "xl/worksheets/_rels/sheet1.xml.rels": relations(**{name: target for name, (target, _) in parts.items()}),
            **{f"xl/worksheets/{target}": content for target, content in parts.values()},
            **members,
        }
    )


def presentation(shapes, parts=None):
    """One slide of `shapes`; `parts` are its own, as `name: (target, content)`."""
    parts = parts or {}
    return package(
        {
            "[Content_Types].xml": TYPES,
            "_rels/.rels": relations(officeDocument="ppt/presentation.xml"),
            "ppt/presentation.xml": element(
                "p:presentation", '<p:sldIdLst><p:sldId id="256" r:id="slide"/></p:sldIdLst>'
            ),
            "ppt/_rels/presentation.xml.rels": relations(slide="slides/slide1.xml"),
            "ppt/slides/slide1.xml": element("p:sld", f"<p:cSld><p:spTree>{shapes}</p:spTree></p:cSld>"),
            "ppt/slides/_rels/slide1.xml.rels": relations(**{name: target for name, (target, _) in parts.items()}),
            **{f"ppt/slides/{target}": content for target, content in parts.values()},
        }
    )


def opendocument(kind, body, *, styles="", more=None):
    """`kind` is text, spreadsheet or presentation."""
    prefixes = " ".join(
        f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for prefix, name in {
            "office": "office",
            "text": "text",
            "table": "table",
            "draw": "drawing",
            "style": "style",
            "presentation": "presentation",
            "svg": "svg-compatible",
            "fo": "xsl-fo-compatible",
        }.items()
    )
    prefixes += ' xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:dc="http://purl.org/dc/elements/1.1/"'
    return package(
        {
            "mimetype": f"application/vnd.oasis.opendocument.{kind}",
            "content.xml": f"<office:document-content {prefixes}><office:body><office:{kind}>{body}</office:{kind}>"
            "</office:body></office:document-content>",
            "styles.xml": f"<office:document-styles {prefixes}>{styles}</office:document-styles>",
            **(more or {}),
        }
    )


def book(chapters, *, more=None):
    """An EPUB whose spine names the chapters, XHTML by file name."""
    items = "".join(f'<item id="i{n}" href="{name}"/>' for n, name in enumerate(chapters))
    spine = "".join(f'<itemref idref="i{n}"/>' for n in range(len(chapters)))
    return package(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": '<container><rootfiles><rootfile full-path="OEBPS/book.opf"/></rootfiles></container>',
            "OEBPS/book.opf": f"<package><manifest>{items}</manifest><spine>{spine}</spine></package>",
            **{f"OEBPS/{name}": page for name, page in chapters.items() if page is not None},
            **(more or {}),
        }
    )
