"""`understudy extract`: the text of a document as vector stores and models receive it, with warnings."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from understudy.cli.options import with_settings

if TYPE_CHECKING:
    from understudy.retrieval.extract import ExtractedText
    from understudy.settings import LoadedSettings, Settings

_READ_BYTES = 1 << 16


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@with_settings()
def extract(loaded: "LoadedSettings", *, file: Path) -> None:
    """Print the text of a document as file search and models receive it.

    A part that cannot be read is a warning on standard error, as on the vector store's file. The exit code is 1 if
    nothing can be read.
    """
    import asyncio

    asyncio.run(_extract(loaded.settings, file))


async def _extract(settings: "Settings", file: Path) -> None:
    """Raises ExtractionFailed."""
    import tempfile

    from understudy.retrieval.children import ChildPool
    from understudy.retrieval.extract import Extractor, build_recognition

    reading = settings.retrieval
    children, recognition = ChildPool(1, reading.memory_mb << 20), build_recognition(reading)
    try:
        with tempfile.TemporaryDirectory() as spool:
            extractor = Extractor(
                children,
                Path(spool),
                seconds=reading.seconds,
                text_bytes=reading.text_bytes,
                recognition=recognition,
            )
            _print(await extractor.text(file, file.name, recognizes=True))
    finally:
        await children.close()
        if recognition is not None:
            await recognition.children.close()


def _print(text: "ExtractedText") -> None:
    with text.path.open(encoding="utf-8") as pieces:
        while piece := pieces.read(_READ_BYTES):
            click.echo(piece, nl=False)
    for warning in text.warnings:
        click.echo(f"Warning: {warning}", err=True)
