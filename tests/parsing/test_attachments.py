"""What hangs on a message is read by the parser of its kind, and no attachment spoils the message."""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage
from io import BytesIO
from pathlib import Path

import openpyxl

from retrieval.config import ParseLimits
from retrieval.contracts import ParsedDocument
from retrieval.parsing.sandbox import parse_file
from tests.parsing.pdf_file import Page, pdf


def message(subject: str = "Budget") -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "ada@example.org", "bob@example.org", subject
    mail["Date"] = "Mon, 03 Jun 2024 10:00:00 +0000"
    mail.set_content("Here is the budget.")
    return mail


def read(tmp_path: Path, mail: EmailMessage, **limits: int) -> ParsedDocument:
    path = tmp_path / "stored"
    path.write_bytes(mail.as_bytes())
    return parse_file(path, "mail.eml", ParseLimits(**limits))[1]


def workbook() -> bytes:
    book = openpyxl.Workbook()
    book.active.title = "Prices"
    book.active.append(["Product", "Price"])
    book.active.append(["Sensor", 12])
    content = BytesIO()
    book.save(content)
    return content.getvalue()


def attach(mail: EmailMessage, content: bytes, name: str) -> None:
    mail.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)


def test_attachments_are_read_and_say_which_one_they_are(tmp_path: Path) -> None:
    mail = message()
    attach(mail, workbook(), "budget.xlsx")
    attach(mail, pdf(Page().text(60, 700, "Nothing here."), Page().text(60, 700, "Travel is paid.")), "rules.pdf")
    document = read(tmp_path, mail)
    found = {block.locator: block for block in document.blocks}
    assert found["attachment budget.xlsx, sheet Prices, A1:B2"].rows == (("Product", "Price"), ("Sensor", "12"))
    assert found["attachment rules.pdf, page 2"].text == "Travel is paid."
    assert all(block.page is None and not block.boxes for block in document.blocks), "they are not the message's pages"
    assert [b.text for b in document.blocks if b.kind == "heading"][:2] == ["Budget", "Attachment budget.xlsx"]
    assert document.dated_at == datetime(2024, 6, 3, 10, tzinfo=UTC) and not document.warnings


def test_an_attachment_that_cannot_be_read_is_a_warning(tmp_path: Path) -> None:
    mail = message()
    attach(mail, b"%PDF-1.7 and then nothing", "broken.pdf")
    attach(mail, b"PK\x03\x04 nothing", "files.zip")
    attach(mail, b"Thirty days a year.", "leave.txt")
    document = read(tmp_path, mail)
    assert "Thirty days a year." in [block.text for block in document.blocks]
    assert [warning.split(" was not read")[0] for warning in document.warnings] == [
        "Attachment broken.pdf",
        "Attachment files.zip",
    ]


def test_messages_within_messages_are_opened_to_a_bound(tmp_path: Path) -> None:
    mail = message("Innermost")
    for number in range(5):
        outer = message(f"Outer {number}")
        outer.add_attachment(mail)
        mail = outer
    document = read(tmp_path, mail)
    text = "\n".join(block.text for block in document.blocks)
    assert "Subject: Outer 3" in text and "Subject: Outer 2" in text and "Subject: Innermost" not in text
    assert any("inside too many" in warning for warning in document.warnings)


def test_only_so_many_attachments_and_so_much_text_are_read(tmp_path: Path) -> None:
    mail = message()
    for number in range(60):
        attach(mail, f"Text number {number}.".encode(), f"{number}.txt")
    document = read(tmp_path, mail)
    assert "Text number 49." in [b.text for b in document.blocks]
    assert any("10 attachments" in warning for warning in document.warnings)
    mail = message()
    attach(mail, b"word " * 1000, "long.txt")
    document = read(tmp_path, mail, characters=1000)
    assert any("long.txt" in warning for warning in document.warnings)


def test_a_signature_with_a_logo_is_not_an_attachment(tmp_path: Path) -> None:
    mail = message()
    mail.add_attachment(b"\x89PNG" + bytes(500), maintype="image", subtype="png", filename="logo.png", cid="<1@logo>")
    document = read(tmp_path, mail)
    assert not document.warnings and "logo.png" not in "\n".join(block.text for block in document.blocks)
