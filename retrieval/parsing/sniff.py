"""Finds out what a file is by its content; the name only decides between kinds of plain text."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

from retrieval.config import ParseLimits
from retrieval.errors import DocumentRejected
from retrieval.parsing.damage import DAMAGED
from retrieval.parsing.encoding import decode
from retrieval.parsing.kinds import BY_EXTENSION, MEDIA_TYPES, PICTURE_KINDS, TEXT_KINDS, WORDS

_OFFICE_PARTS = {"word/document.xml": "docx", "ppt/presentation.xml": "pptx", "xl/workbook.xml": "xlsx"}
_OLD_OFFICE = {".doc": "docx", ".xls": "xlsx", ".ppt": "pptx"}
_PICTURES = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpeg", b"II*\x00": "tiff", b"MM\x00*": "tiff"}
_HEADER = re.compile(r"^(From|To|Subject|Date|Received|Return-Path|Message-ID|MIME-Version|Delivered-To):", re.I | re.M)


@dataclass(frozen=True, slots=True)
class Sniffed:
    kind: str
    media_type: str


class Unsupported(DocumentRejected):
    code = "unsupported"
    advice = (
        "Footnote reads PDF, Word, PowerPoint, Excel, EPUB, HTML, Markdown, text, CSV, JSON, XML, source code, e-mail"
        " (.eml, .msg) and, where text recognition is installed, pictures (PNG, JPEG, TIFF)."
    )


class WrongType(DocumentRejected):
    code = "wrong_type"
    advice = "Save it again in the right format, or give it the right ending."


class Empty(DocumentRejected):
    code = "empty"
    user_message = "The file is empty."


class Corrupt(DocumentRejected):
    code = "corrupt"
    user_message = "The file is damaged and cannot be opened."


class Encrypted(DocumentRejected):
    code = "encrypted"
    user_message = "The file is protected by a password."
    advice = "Save a copy without the password and upload that."


class Bomb(DocumentRejected):
    code = "bomb"
    user_message = "The file unpacks to far more than its size allows, so it was not opened."
    advice = "If it is a real document, save it again with its program, or split it."


class TooLarge(DocumentRejected):
    code = "too_large"


def sniff(path: Path, name: str, limits: ParseLimits) -> Sniffed:
    """Raises DocumentRejected for what cannot or must not be opened. A container's list of members is read for it, so
    it is called where time and memory are limited.
    """
    check_size(path, limits)
    with path.open("rb") as stream:
        head = stream.read(8192)
    extension = Path(name).suffix.lower()
    kind = _by_content(path, head, extension, limits)
    _refuse_wrong_name(kind, extension)
    return Sniffed(kind, MEDIA_TYPES[kind])


def check_size(path: Path, limits: ParseLimits) -> None:
    """Reads nothing of it. Raises DocumentRejected."""
    size = path.stat().st_size
    if size == 0:
        raise Empty
    if size > limits.file_bytes:
        raise TooLarge(
            f"The file has {size / 1e6:.0f} MB; at most {limits.file_bytes / 1e6:.0f} MB are allowed.",
            advice="Split it, or ask your administrator to raise the limit.",
        )


def _by_content(path: Path, head: bytes, extension: str, limits: ParseLimits) -> str:
    if b"%PDF-" in head[:1024]:
        return "pdf"
    if head.startswith(b"PK\x03\x04") or head.startswith(b"PK\x05\x06"):
        return _office_kind(path, limits)
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return _compound_kind(path, extension)
    if picture := _picture_kind(head):
        return picture
    if head.startswith(b"{\\rtf"):
        raise Unsupported("This is an RTF file.", advice="Save it as DOCX or PDF and upload that.")
    text = decode(head, partial=True)
    if text is None:
        if BY_EXTENSION.get(extension) in ("pdf", "docx", "pptx", "xlsx", "epub"):
            raise Corrupt
        raise Unsupported("This kind of file is not supported.")
    if not text.strip() and path.stat().st_size <= len(head):
        raise Empty("The file holds nothing but white space.")
    return _text_kind(text, extension)


def _picture_kind(head: bytes) -> str | None:
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[:2] == b"BM" and head[6:10] == bytes(4):
        return "bmp"
    return next((kind for start, kind in _PICTURES.items() if head.startswith(start)), None)


def _text_kind(text: str, extension: str) -> str:
    start = text.lstrip("\ufeff \t\r\n")[:1024].lower()
    if extension in (".html", ".htm", ".xhtml") or start.startswith(("<!doctype html", "<html")):
        return "html"
    if extension == ".eml" or (extension not in BY_EXTENSION and len(_HEADER.findall(text[:2048])) >= 3):
        return "email"
    if start.startswith("<?xml") and extension not in BY_EXTENSION:
        return "xml"
    return BY_EXTENSION.get(extension, "text") if BY_EXTENSION.get(extension) in TEXT_KINDS else "text"


def _office_kind(path: Path, limits: ParseLimits) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except DAMAGED as error:
        raise Corrupt(detail=str(error)) from error
    unpacked = sum(m.file_size for m in members)
    packed = max(sum(m.compress_size for m in members), 1)
    if len(members) > limits.members or unpacked > limits.unpacked_bytes:
        raise Bomb
    if unpacked > 20_000_000 and unpacked / packed > limits.unpack_ratio:
        raise Bomb
    names = {m.filename for m in members}
    for part, kind in _OFFICE_PARTS.items():
        if part in names:
            return kind
    if "META-INF/container.xml" in names:
        return "epub"
    if any(m.flag_bits & 1 for m in members):
        raise Encrypted
    if {"mimetype", "content.xml"} <= names:
        raise Unsupported("This is an OpenDocument file.", advice="Save it as DOCX, XLSX, PPTX or PDF and upload that.")
    raise Unsupported("This is an archive, not a document.", advice="Unpack it and upload the documents inside.")


def _compound_kind(path: Path, extension: str) -> str:
    import olefile

    try:
        with olefile.OleFileIO(str(path)) as container:
            names = {"/".join(parts) for parts in container.listdir()}
    except DAMAGED as error:
        raise Corrupt(detail=str(error)) from error
    if "EncryptedPackage" in names:
        raise Encrypted
    if any(name.startswith("__substg1.0_") for name in names):
        return "outlook"
    new = _OLD_OFFICE.get(extension, "docx")
    raise Unsupported(
        "This is a file of the old Office format (before 2007).", advice=f"Save it as .{new} or PDF and upload that."
    )


def _refuse_wrong_name(kind: str, extension: str) -> None:
    said = BY_EXTENSION.get(extension)
    if said is None or said == kind or (said in TEXT_KINDS and kind in TEXT_KINDS):
        return
    if said in PICTURE_KINDS and kind in PICTURE_KINDS:
        return
    raise WrongType(f"The name says {WORDS[said]}, but the content is {WORDS[kind]}.")
