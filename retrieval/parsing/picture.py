"""Pictures of text (PNG, JPEG, TIFF, WebP, BMP): what text recognition reads in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from retrieval.config import ParseLimits
from retrieval.contracts import ParsedDocument
from retrieval.parsing.budget import Blocks
from retrieval.parsing.damage import DAMAGED
from retrieval.parsing.ocr import LATER, MOST_DOTS, Grey, Reader
from retrieval.parsing.pdf_running import PageContent, drop_running_lines, join_broken_words
from retrieval.parsing.pdf_tables import with_tables
from retrieval.parsing.printed import NoText, add_pages
from retrieval.parsing.sniff import Bomb, Corrupt, TooLarge

_FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP")
_MOST_DOTS_PACKED = 120_000_000  # that are unpacked at all


def parse(path: Path, limits: ParseLimits) -> ParsedDocument:
    Image.MAX_IMAGE_PIXELS = _MOST_DOTS_PACKED // 2  # Pillow refuses twice as many
    try:
        with Image.open(path, formats=_FORMATS) as picture:
            return _read(picture, limits)
    except Image.DecompressionBombError as error:
        raise Bomb(detail=str(error)) from error
    except DAMAGED as error:
        raise Corrupt("The picture is damaged and cannot be opened.", detail=str(error)) from error


def _read(picture: Image.Image, limits: ParseLimits) -> ParsedDocument:
    count = int(getattr(picture, "n_frames", 1))
    if count > limits.pages:
        raise TooLarge(f"The file has {count} pages; at most {limits.pages} are allowed.")
    picture.load()  # damaged ones are told first
    reader = Reader(limits)
    if reader.missing is not None:
        raise NoText(f"This is a picture. {reader.missing.sentence}", advice=reader.missing.advice)
    pages: list[PageContent] = []
    for number in range(1, count + 1):
        if reader.time_is_up:
            break
        picture.seek(number - 1)
        grey = _grey(picture)
        height, width = grey.shape
        lines = reader.lines(grey, width, height)
        pages.append(PageContent(number, width, height, with_tables(lines)))
    drop_running_lines(pages)
    join_broken_words(pages)
    out = Blocks(limits.characters)
    add_pages(out, pages)
    unread = reader.unread(count - len(pages))
    if not out.blocks:
        raise _nothing_in_it(unread)
    return ParsedDocument("", tuple(out.blocks), count, unread)


def _nothing_in_it(unread: tuple[str, ...]) -> NoText:
    if unread:
        return NoText(*unread, advice=LATER)
    return NoText("No text was found in this picture.", advice="A sharper or larger picture may help.")


def _grey(picture: Image.Image) -> Grey:
    upright = ImageOps.exif_transpose(picture)
    if "A" in upright.getbands() or upright.mode == "P":
        with_alpha = upright.convert("RGBA")
        upright = Image.alpha_composite(Image.new("RGBA", with_alpha.size, "white"), with_alpha)
    grey = upright.convert("L")
    if (dots := grey.width * grey.height) > MOST_DOTS:
        share = (MOST_DOTS / dots) ** 0.5
        grey = grey.resize((max(int(grey.width * share), 1), max(int(grey.height * share), 1)))
    return np.asarray(grey, dtype=np.uint8)
