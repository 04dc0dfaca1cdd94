"""Documents of all formats, written by the libraries that people write them with."""

import io
import zipfile

import docx
import openpyxl
import pptx
from pptx.util import Inches
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen import canvas

FACT = "The harbour master is called Ines Okafor."


def word():
    document = docx.Document()
    document.add_heading("Harbour", 1)
    document.add_paragraph(FACT)
    table = document.add_table(2, 2)
    for row, cells in zip(table.rows, [("boat", "berths"), ("Kormoran", "42")], strict=True):
        for cell, value in zip(row.cells, cells, strict=True):
            cell.text = value
    return _bytes(document.save)


def slides():
    deck = pptx.Presentation()
    for number, title in enumerate(("Welcome", "Numbers"), 1):
        slide = deck.slides.add_slide(deck.slide_layouts[5])
        slide.shapes.title.text = title
        if number == 2:
            table = slide.shapes.add_table(1, 2, Inches(1), Inches(2), Inches(4), Inches(1)).table
            table.cell(0, 0).text, table.cell(0, 1).text = "berths", "42"
            slide.notes_slide.notes_text_frame.text = FACT
    return _bytes(deck.save)


def sheets(rows=((1, "Kormoran", 42), (2, "Möwe", None))):
    book = openpyxl.Workbook()
    book.active.title = "Boats"
    for row in rows:
        book.active.append(row)
    book.create_sheet("Staff").append([FACT])
    return _bytes(book.save)


def pdf(pages=("Harbour rules", FACT), password=None):
    """Pages of one line each; without any text where the line is empty."""
    encryption = StandardEncryption(password, ownerPassword="owner") if password else None
    buffer = io.BytesIO()
    page = canvas.Canvas(buffer, encrypt=encryption)
    for line in pages:
        page.drawString(72, 700, line)
        page.showPage()
    page.save()
    return buffer.getvalue()


def archive(**members):
    """A ZIP with members by path; a double underscore stands for a slash, a single one for a point."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        for name, data in members.items():
            file.writestr(name.replace("__", "/").replace("_", "."), data)
    return buffer.getvalue()


def _bytes(save):
    buffer = io.BytesIO()
    save(buffer)
    return buffer.getvalue()
