"""Writes small PDFs for the tests: words at places, lines, rotated and cropped pages, pictures."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field


@dataclass
class Page:
    width: int = 600
    height: int = 800
    rotate: int = 0
    crop: tuple[int, int, int, int] | None = None  # left, bottom, right, top
    marks: list[str] = field(default_factory=list)
    picture: tuple[int, int, bytes] | None = None  # width, height, grey levels

    def text(self, x: float, y: float, text: str, size: float = 10, bold: bool = False) -> Page:
        """`y` from the bottom, as PDF counts."""
        escaped = text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
        self.marks.append(f"BT /{'B' if bold else 'F'} {size} Tf {x} {y} Td ({escaped}) Tj ET")
        return self

    def line(self, x1: float, y1: float, x2: float, y2: float) -> Page:
        self.marks.append(f"0.5 w {x1} {y1} m {x2} {y2} l S")
        return self


def pdf(*pages: Page, info: dict[str, str] | None = None) -> bytes:
    objects: list[bytes] = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold /Encoding /WinAnsiEncoding >>",
        ("<< " + " ".join(f"/{key} ({value})" for key, value in (info or {}).items()) + " >>").encode("latin-1"),
    ]
    kids = []
    for page in pages:
        marks = list(page.marks)
        names = "/Font << /F 3 0 R /B 4 0 R >>"
        if page.picture:
            width, height, grey = page.picture
            head = (
                f"/Type /XObject /Subtype /Image /Width {width} /Height {height} /ColorSpace /DeviceGray "
                "/BitsPerComponent 8 /Filter /FlateDecode"
            )
            objects.append(_stream(zlib.compress(grey), head))
            names += f" /XObject << /P {len(objects)} 0 R >>"
            marks.append(f"q {page.width} 0 0 {page.height} 0 0 cm /P Do Q")
        objects.append(_stream("\n".join(marks).encode("cp1252")))
        crop = f"/CropBox [{' '.join(map(str, page.crop))}]" if page.crop else ""
        entry = (
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {page.width} {page.height}] {crop} /Rotate {page.rotate} "
            f"/Resources << {names} >> /Contents {len(objects)} 0 R >>"
        )
        objects.append(entry.encode())
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>".encode()
    return _file(objects)


def _stream(data: bytes, head: str = "") -> bytes:
    return f"<< {head} /Length {len(data)} >>\nstream\n".encode() + data + b"\nendstream"


def _file(objects: list[bytes]) -> bytes:
    out, places = bytearray(b"%PDF-1.7\n"), []
    for number, content in enumerate(objects, start=1):
        places.append(len(out))
        out += f"{number} 0 obj\n".encode() + content + b"\nendobj\n"
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{place:010} 00000 n \n".encode() for place in places)
    out += f"trailer << /Size {len(objects) + 1} /Root 1 0 R /Info 5 0 R >>\nstartxref\n{start}\n%%EOF\n".encode()
    return bytes(out)
