"""Word, PowerPoint and Excel: what is kept, and the words that say where it stands."""

from __future__ import annotations

from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import docx
import openpyxl
import pptx
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from pptx.util import Inches

from retrieval.config import ParseLimits
from retrieval.contracts import Block, ParsedDocument
from retrieval.parsing.sandbox import parse_file


def read(tmp_path: Path, made: Any, name: str) -> ParsedDocument:
    content = BytesIO()
    made.save(content)
    path = tmp_path / "stored"
    path.write_bytes(content.getvalue())
    return parse_file(path, name, ParseLimits())[1]


def tables(document: ParsedDocument) -> list[Block]:
    return [block for block in document.blocks if block.kind == "table"]


def test_a_word_table_keeps_its_columns_where_cells_are_merged(tmp_path: Path) -> None:
    made = docx.Document()
    table = made.add_table(3, 3)
    for row in range(3):
        for column in range(3):
            table.cell(row, column).text = f"{row}{column}"
    table.cell(0, 1).merge(table.cell(0, 2)).text = "Price"
    table.cell(1, 0).merge(table.cell(2, 0)).text = "Sensor"
    (found,) = tables(read(tmp_path, made, "prices.docx"))
    assert found.rows == (("00", "Price", ""), ("Sensor", "11", "12"), ("Sensor", "21", "22"))


def test_word_headers_and_footers_are_left_out_and_the_date_is_kept(tmp_path: Path) -> None:
    made = docx.Document()
    made.sections[0].header.paragraphs[0].text = "Confidential"
    made.sections[0].footer.paragraphs[0].text = "Page 1"
    made.add_heading("Leave", 1)
    made.add_paragraph("Thirty days a year.")
    made.core_properties.modified = datetime(2024, 5, 6, 7, 8, 9)
    document = read(tmp_path, made, "leave.docx")
    assert [(b.kind, b.text) for b in document.blocks] == [("heading", "Leave"), ("paragraph", "Thirty days a year.")]
    assert document.dated_at == datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


def test_a_word_document_that_does_not_say_when_it_was_written_has_no_date(tmp_path: Path) -> None:
    made = docx.Document()
    made.add_paragraph("Thirty days a year.")
    made.core_properties.modified = datetime.now(UTC)
    made.core_properties.created = datetime.now(UTC)
    assert read(tmp_path, made, "leave.docx").dated_at is None


def test_insertions_content_controls_and_text_boxes_of_word_are_read_and_deletions_are_not(tmp_path: Path) -> None:
    made = docx.Document()
    body = made.element.body
    space = nsdecls("w")
    body.insert(
        0,
        parse_xml(
            f"<w:p {space}><w:r><w:t>Leave is </w:t></w:r><w:del><w:r><w:delText>28</w:delText></w:r></w:del>"
            "<w:ins><w:r><w:t>30 days</w:t></w:r></w:ins></w:p>"
        ),
    )
    body.insert(
        1,
        parse_xml(
            f"<w:sdt {space}><w:sdtContent><w:p><w:r><w:t>In a control.</w:t></w:r></w:p></w:sdtContent></w:sdt>"
        ),
    )
    body.insert(
        2,
        parse_xml(
            f"<w:p {space}><w:r><w:pict><w:txbxContent><w:p><w:r><w:t>In a box.</w:t></w:r></w:p></w:txbxContent>"
            "</w:pict></w:r></w:p>"
        ),
    )
    document = read(tmp_path, made, "leave.docx")
    assert [block.text for block in document.blocks] == ["Leave is 30 days", "In a control.", "In a box."]


def test_speaker_notes_and_tables_say_on_which_slide_they_are(tmp_path: Path) -> None:
    show = pptx.Presentation()
    for number in range(2):
        slide = show.slides.add_slide(show.slide_layouts[5])
        slide.shapes.title.text = f"Title {number}"
    slide.notes_slide.notes_text_frame.text = "Say that prices will rise."
    table = slide.shapes.add_table(2, 2, Inches(1), Inches(2), Inches(6), Inches(1)).table
    for place, text in enumerate(["Product", "Price", "Sensor", "12 euros"]):
        table.cell(place // 2, place % 2).text = text
    document = read(tmp_path, show, "prices.pptx")
    (found,) = tables(document)
    assert (found.rows, found.locator) == ((("Product", "Price"), ("Sensor", "12 euros")), "slide 2")
    (notes,) = [block for block in document.blocks if block.locator == "slide 2, notes"]
    assert (notes.text, notes.page) == ("Say that prices will rise.", 2)


def test_a_sheet_says_the_cells_of_its_tables_and_values_are_as_people_see_them(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Prices"
    sheet["B2"] = "Prices from May"
    for row, values in enumerate([["Product", "Price", "Since", "Share"], ["Sensor", 12.5, date(2024, 5, 1), 0.25]]):
        for column, value in enumerate(values):
            sheet.cell(3 + row, 2 + column, value)
    sheet["E4"].number_format = "0.0%"
    sheet["H10"], sheet["I10"] = "City", "Office"
    sheet["H11"], sheet["I11"] = "Ulm", "Main Street 1"
    document = read(tmp_path, book, "prices.xlsx")
    found = [(block.locator, block.rows) for block in tables(document)]
    assert found == [
        ("sheet Prices, B3:E4", (("Product", "Price", "Since", "Share"), ("Sensor", "12.5", "2024-05-01", "25%"))),
        ("sheet Prices, H10:I11", (("City", "Office"), ("Ulm", "Main Street 1"))),
    ]
    assert ("Prices from May", "sheet Prices, B2:E2") in [(b.text, b.locator) for b in document.blocks]


def test_a_long_sheet_names_the_rows_of_each_part_and_repeats_the_header(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["Number", "Name"])
    for number in range(100):
        book.active.append([number, f"Sensor {number}"])
    found = tables(read(tmp_path, book, "sensors.xlsx"))
    assert [block.locator for block in found] == [
        "sheet Sheet, A1:B41",
        "sheet Sheet, A42:B81",
        "sheet Sheet, A82:B101",
    ]
    assert all(block.rows[0] == ("Number", "Name") for block in found)
    assert found[2].rows[-1] == ("99", "Sensor 99")


def test_an_empty_row_within_a_table_does_not_part_it_from_its_header(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["Region", "Sales"], [], ["North", 12], [], ["South", 14], [], [], [], ["Note", "Preliminary"]):
        book.active.append(row)
    found = tables(read(tmp_path, book, "sales.xlsx"))
    assert found[0].rows == (("Region", "Sales"), ("North", "12"), ("South", "14"))
    assert found[1].rows == (("Note", "Preliminary"),)
