"""The manifest and its icons. That Chromium would install the pages: tests/browser/test_installing.py."""

from __future__ import annotations

import io

import pytest
from django.test import Client
from PIL import Image

from chatapp.manifest import PAPER
from tests.installing.icons import STATIC


@pytest.mark.parametrize(
    ("language", "name", "direction"),
    [
        ("en", "Footnote: Ask your documents", "ltr"),
        ("de", "Footnote: Fragen Sie Ihre Dokumente", "ltr"),
        ("ar", "Footnote: اسأل مستنداتك", "rtl"),
    ],
)
def test_the_manifest_speaks_each_language_and_names_icons_that_there_are(
    client: Client, db: None, language: str, name: str, direction: str
) -> None:
    answer = client.get(f"/manifest/{language}.webmanifest")
    assert answer["Content-Type"] == "application/manifest+json" and not answer.cookies
    told = answer.json()
    assert (told["name"], told["lang"], told["dir"]) == (name, language, direction)
    assert told["start_url"] == told["scope"] == told["id"] == "/" and told["display"] == "standalone"
    purposes = set()
    for icon in told["icons"]:
        picture = client.get(icon["src"])
        assert picture.status_code == 200 and picture["Content-Type"] == icon["type"] == "image/png"
        drawn = Image.open(io.BytesIO(b"".join(picture)))
        assert icon["sizes"] == f"{drawn.width}x{drawn.height}"
        purposes.add((icon["purpose"], drawn.width))
    assert purposes == {("any", 192), ("any", 512), ("maskable", 512)}


def test_there_is_no_manifest_of_other_languages(client: Client, db: None) -> None:
    assert client.get("/manifest/xx.webmanifest").status_code == 404


def test_a_maskable_icon_is_opaque_to_its_corners_and_others_are_round() -> None:
    maskable, usual = (Image.open(STATIC / "icons" / f"{name}.png").convert("RGBA") for name in ("maskable-512", "512"))
    corner = maskable.getpixel((0, 0))
    assert corner == (0x1F, 0x5F, 0x5B, 255)
    assert usual.getpixel((0, 0))[3] == 0  # type: ignore[index]


def test_the_colour_of_the_bar_is_that_of_the_page() -> None:
    assert f"--paper: {PAPER};" in (STATIC / "css" / "base.css").read_text()
