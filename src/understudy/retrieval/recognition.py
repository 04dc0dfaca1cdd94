"""Recognizes the text in images with the extra `ocr`. Runs in a child process; only `is_installed` does not.

The models for detecting and recognizing lines come with the package `rapidocr`: they know Latin letters, Chinese and
Japanese. Nothing is downloaded.
"""

import importlib.util
import math
from functools import cache
from pathlib import Path
from typing import Any, Final

from understudy.retrieval.line_order import Line, join_lines
from understudy.retrieval.reading.unreadable import UnreadableError

_PACKAGES: Final = ("rapidocr", "onnxruntime", "PIL", "cv2", "numpy")
_MODELS: Final = {"Det": "PP-OCRv6_det_small.onnx", "Rec": "PP-OCRv6_rec_small.onnx"}
_MAX_IMAGE_PIXELS: Final = 100_000_000
"""Most pixels of an image; it is reduced before its text is recognized."""

_PIXELS: Final = 1300 * 1800
"""A page of A4 has 155 dots per inch then: letters of 6 points are readable, and a page takes 700 MB."""

_MAX_SCALE: Final = 4.0
_MAX_SIDE: Final = 8000


def is_installed() -> bool:
    """Whether the extra is installed. Imports nothing."""
    return all(map(importlib.util.find_spec, _PACKAGES))


def recognize_page(path: Path, filename: str, page: int) -> str:
    """The text in the image of a page, from 1, of a PDF, a TIFF or another image. Raises Unreadable."""
    is_pdf = Path(filename).suffix.lower() == ".pdf"
    pixels = _render_pdf_page(path, page) if is_pdf else _load_image(path, page)
    found = _load_engine()(pixels)
    if found.boxes is None or not found.txts:
        return ""
    lines = []
    for box, text in zip(found.boxes.tolist(), found.txts, strict=True):
        columns, rows = zip(*box, strict=True)
        lines.append(Line(min(columns), min(rows), max(columns), max(rows), text))
    return join_lines(lines)


@cache
def _load_engine() -> Any:
    import cv2  # noqa: PLC0415 - an extra, as the next
    import rapidocr  # noqa: PLC0415

    cv2.setNumThreads(1)
    folder = Path(rapidocr.__file__).with_name("models")
    missing = [name for name in _MODELS.values() if not (folder / name).is_file()]
    if missing:  # The package would download them.
        raise UnreadableError(
            "server_error",
            f"The installed package rapidocr lacks the models {', '.join(missing)}. Run `pip install"
            " 'understudy[ocr]'`.",
        )
    paths = {f"{part}.model_path": str(folder / name) for part, name in _MODELS.items()}
    return rapidocr.RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.use_cls": False,
            "Global.max_side_len": _MAX_SIDE,
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            **paths,
        }
    )


def _render_pdf_page(path: Path, number: int) -> Any:
    """An array of rows of blue, green and red."""
    import pypdfium2  # noqa: PLC0415 - loaded with what it reads

    document = pypdfium2.PdfDocument(path)
    page = document[number - 1]
    width, height = page.get_size()
    scale = min(math.sqrt(_PIXELS / max(width * height, 1.0)), _MAX_SCALE)
    bitmap = page.render(scale=scale, prefer_bgrx=False)
    pixels = bitmap.to_numpy().copy()
    bitmap.close()
    page.close()
    document.close()
    return pixels


def _load_image(path: Path, number: int) -> Any:
    """An array of rows of blue, green and red."""
    import numpy as np  # noqa: PLC0415 - an extra, as the next
    from PIL import Image, ImageOps  # noqa: PLC0415

    Image.MAX_IMAGE_PIXELS = _MAX_IMAGE_PIXELS
    with Image.open(path) as image:
        image.seek(number - 1)
        area = image.width * image.height
        if area > _MAX_IMAGE_PIXELS:
            raise UnreadableError(
                "invalid_file", f"The image has {area} pixels; at most {_MAX_IMAGE_PIXELS} are supported."
            )
        scale = math.sqrt(_PIXELS / area)
        if scale < 1:
            size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
            image.draft("RGB", size)
        upright = ImageOps.exif_transpose(image).convert("RGBA")
        if scale < 1:
            upright.thumbnail((round(upright.width * scale) or 1, round(upright.height * scale) or 1))
        page = Image.new("RGB", upright.size, "white")
        page.paste(upright, mask=upright.getchannel("A"))
    return np.asarray(page)[:, :, ::-1].copy()
