"""Text in images: recognized page by page with limits, in the order in which a page is read."""

import io

import pytest
import pytest_asyncio

from retrieval import documents
from understudy.retrieval import recognition
from understudy.retrieval.children import ChildPool
from understudy.retrieval.extract import ExtractionError, Extractor, Recognition
from understudy.retrieval.line_order import Line, join_lines

_needs_extra = pytest.mark.skipif(not recognition.is_installed(), reason="the extra `ocr` is not installed")
_shares_processes = pytest.mark.asyncio(loop_scope="module")
_SECONDS = 120.0


def installed(test):
    return _needs_extra(_shares_processes(test))


def draw(*lines, size=(760, 740)):
    """An image that the detector of lines does not enlarge."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", size, "white")
    for place, line in enumerate(lines):
        ImageDraw.Draw(image).text((40, 40 + 60 * place), line, font=ImageFont.load_default(32), fill="black")
    return image


def encode(kind, *pages, **options):
    data = io.BytesIO()
    pages[0].save(data, kind, save_all=len(pages) > 1, append_images=pages[1:], **options)
    return data.getvalue()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def read(tmp_path_factory):
    """The text of a file, whose first `pages` images are recognized, its warnings and its pages."""
    children, recognizers = ChildPool(1, 1 << 30), ChildPool(1, 2 << 30)
    folder = tmp_path_factory.mktemp("images")

    async def run(data, name, pages=10, seconds=_SECONDS):
        path = folder / "document"
        path.write_bytes(data)
        recognition = Recognition(recognizers, seconds, pages) if pages else None
        extractor = Extractor(children, folder / "spool", seconds=_SECONDS, text_bytes=1 << 20, recognition=recognition)
        text = await extractor.text(path, name, recognizes=True)
        return text.path.read_text("utf-8"), text.warnings, text.pages

    yield run
    await children.close()
    await recognizers.close()


@installed
async def test_the_pages_of_a_scanned_pdf_are_recognized_with_their_numbers(read):
    data = encode("PDF", draw("Berths are paid in May."), draw("Anchors are checked", "before each voyage."))
    text, warnings, pages = await read(data, "scan.pdf")
    assert text.split("\n\n")[:2] == ["Berths are paid in May.", "Anchors are checked\nbefore each voyage."]
    assert warnings == ()
    assert pages[:2] == ((0, 1), (text.index("Anchors"), 2))


@installed
async def test_the_text_of_images_is_recognized(read):
    from PIL import Image

    words = draw("The harbour closes at nine.")
    transparent = words.convert("RGBA")
    transparent.putalpha(words.convert("L").point(lambda grey: 255 - grey))
    exif = Image.Exif()
    exif[0x0112] = 6  # a camera that lay on its side
    images = {
        "a.png": encode("PNG", transparent),
        "a.JPG": encode("JPEG", words.rotate(90, expand=True), exif=exif),
        "a.webp": encode("WEBP", words),
        "a.gif": encode("GIF", words),
        "a.bmp": encode("BMP", words.convert("1")),
    }
    for name, data in images.items():
        text, _, pages = await read(data, name)
        assert text.strip() == "The harbour closes at nine.", name
        assert pages[0] == (0, 1)


@installed
async def test_pages_beyond_the_limit_are_named(read):
    pages = [draw("Only this page counts."), draw("Never read."), draw("Nor this.")]
    text, warnings, _ = await read(encode("PDF", *pages), "scan.pdf", pages=1)
    assert text.strip() == "Only this page counts."
    assert warnings == ("Pages 2, 3: images beyond the limit of text recognition, which were not read.",)
    text, *_ = await read(
        encode("TIFF", *[page.convert("L") for page in pages], compression="tiff_deflate"), "a.tif", 2
    )
    assert text.split("\n\n")[:2] == ["Only this page counts.", "Never read."]


@installed
async def test_an_image_without_text_fails_and_says_so(read):
    with pytest.raises(ExtractionError, match="No text was recognized in the image") as caught:
        await read(encode("PNG", draw()), "a.png")
    assert caught.value.code == "invalid_file"
    with pytest.raises(ExtractionError, match="none was recognized in its images"):
        await read(encode("PDF", draw()), "a.pdf")


@installed
async def test_damaged_and_far_too_large_images_fail(read):
    from PIL import Image

    bomb = encode("PNG", Image.new("1", (20_000, 20_000)))
    assert len(bomb) < 100_000
    for data in (bomb, b"\x89PNG\r\n\x1a\n\0\0", b"no image", encode("PNG", draw("cut"))[:200]):
        with pytest.raises(ExtractionError) as caught:
            await read(data, "a.png")
        assert caught.value.code == "invalid_file"


@installed
async def test_a_page_that_takes_too_long_is_a_failure_of_its_own(read):
    with pytest.raises(ExtractionError, match="page 1 was not recognized: Reading the file timed out"):
        await read(encode("PDF", draw("Slow")), "scan.pdf", seconds=0.05)


@_shares_processes
@pytest.mark.parametrize(("name", "text"), [("a.pdf", "only images"), ("a.png", "with the extra `ocr`")])
async def test_without_recognition_images_are_refused(read, name, text):
    data = documents.pdf(pages=[""]) if name == "a.pdf" else b"\x89PNG\r\n\x1a\n\0\0"
    with pytest.raises(ExtractionError, match=text):
        await read(data, name, pages=0)


def place(*rows, height=10.0):
    """Lines from (left, top, right, text)."""
    return [Line(left, top, right, top + height, text) for left, top, right, text in rows]


def test_columns_of_prose_are_read_one_after_the_other_below_their_heading():
    left = [(0, 60 + 15 * row, 200, f"left {row}") for row in range(5)]
    right = [(230, 62 + 15 * row, 430, f"right {row}") for row in range(5)]
    text = join_lines(place((0, 0, 430, "Title"), *right, *left))
    assert text.splitlines() == ["Title", "", *(one[3] for one in left), "", *(one[3] for one in right)]


def test_the_cells_of_a_row_are_one_line():
    def cell(row, column):
        return 100 * column, 15 * row + column, 100 * column + 40, f"{row}{column}"

    text = join_lines(place(*(cell(row, column) for column in range(3) for row in range(6))))
    assert text.splitlines() == [f"{row}0 {row}1 {row}2" for row in range(6)]


def test_a_page_without_lines_has_no_text():
    assert join_lines([]) == ""
    assert join_lines(place((0, 0, 50, "one"))) == "one"
