"""Puts the pictures of a page beside each other: `make pictures`.

    python -m tests.browser.sheets FOLDER INTO

FOLDER holds NAME-WIDTH-THEME.png, or NAME-ar-WIDTH-THEME.png for those from right to left, as the tests take them on
demand; INTO gets NAME.webp of each name, half as large, and a README.md that shows them.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from PIL import Image

SCALE, TALLEST, GAP, PAPER = 0.5, 1200, 12, (128, 128, 128)  # TALLEST: pixels of a page, the rest is cut off
QUALITY = 70  # words of half the size can be read
ROWS = (
    (("", 1280, "light"), ("", 1280, "dark")),
    (("-ar", 1280, "light"), ("", 390, "light"), ("", 390, "dark"), ("-ar", 390, "light")),
)
_NAME = re.compile(r"(?P<name>.+?)(?P<language>-ar)?-(?P<width>\d+)-(?P<theme>light|dark)\.png")
Look = tuple[str, int, str]  # "-ar" or nothing, pixels, theme


def by_name(folder: Path) -> dict[str, dict[Look, Path]]:
    found: dict[str, dict[Look, Path]] = defaultdict(dict)
    for path in sorted(folder.glob("*.png")):
        if match := _NAME.fullmatch(path.name):
            found[match["name"]][match["language"] or "", int(match["width"]), match["theme"]] = path
    return dict(found)


def sheet(pictures: dict[Look, Path]) -> Image.Image:
    rows = [[_smaller(pictures[look]) for look in row if look in pictures] for row in ROWS]
    rows = [row for row in rows if row]
    width = max(sum(one.width + GAP for one in row) for row in rows) + GAP
    height = sum(max(one.height for one in row) + GAP for row in rows) + GAP
    paper, top = Image.new("RGB", (width, height), PAPER), GAP
    for row in rows:
        left = GAP
        for one in row:
            paper.paste(one, (left, top))
            left += one.width + GAP
        top += max(one.height for one in row) + GAP
    return paper


def _smaller(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        seen = picture.convert("RGB").crop((0, 0, picture.width, min(picture.height, TALLEST)))
    return seen.resize((round(seen.width * SCALE), round(seen.height * SCALE)))


def listing(names: Iterable[str]) -> str:
    lines = [
        "# Pictures of the pages",
        "",
        "Each in light and dark, wide (1280 px) and narrow (390 px), and in Arabic. `make pictures` takes them anew.",
        "",
    ]
    for name in names:
        words = name.replace("-", " ")
        lines += [f"## {words}", "", f"![{words}]({name}.webp)", ""]
    return "\n".join(lines)


def main(folder: Path, into: Path) -> None:
    found = by_name(folder)
    if not found:
        raise SystemExit(f"There are no pictures in {folder}.")
    for name, pictures in found.items():
        if any(look in pictures for row in ROWS for look in row):
            sheet(pictures).save(into / f"{name}.webp", quality=QUALITY, method=6)
    names = sorted(path.stem for path in into.glob("*.webp"))
    (into / "README.md").write_text(listing(names), encoding="utf-8")
    print(f"{len(found)} sheets in {into}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
