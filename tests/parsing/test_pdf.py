"""PDF: where every line and row stands, in which order they are read, and what is left out."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from retrieval.config import ParseLimits
from retrieval.contracts import Block, Box, ParsedDocument
from retrieval.parsing.sandbox import parse_file
from tests.parsing.pdf_file import Page, pdf


def read(tmp_path: Path, *pages: Page, info: dict[str, str] | None = None) -> ParsedDocument:
    path = tmp_path / "stored"
    path.write_bytes(pdf(*pages, info=info))
    return parse_file(path, "report.pdf", ParseLimits())[1]


def texts(document: ParsedDocument, kind: str = "paragraph") -> list[str]:
    return [block.text for block in document.blocks if block.kind == kind]


def near(box: Box, left: float, top: float, right: float, bottom: float) -> bool:
    there = (box.left, box.top, box.right, box.bottom)
    return all(abs(a - b) < 0.015 for a, b in zip(there, (left, top, right, bottom), strict=True))


def test_each_line_says_where_it_stands_on_the_page(tmp_path: Path) -> None:
    page = Page().text(60, 700, "Visitors park on level 3 of the garage.").text(60, 686, "They bring a blue permit.")
    (block,) = read(tmp_path, page).blocks
    assert block.text == "Visitors park on level 3 of the garage.\nThey bring a blue permit."
    first, second = block.boxes
    assert first.page == 1 and near(first, 0.1, (800 - 708) / 800, 0.374, (800 - 698) / 800)
    assert second.top > first.top and second.left == pytest.approx(first.left, abs=0.005)


@pytest.mark.parametrize(
    ("rotate", "expected"),
    [
        (0, (0.1, 0.115, 0.217, 0.128)),
        (90, (0.872, 0.1, 0.885, 0.217)),
        (180, (0.783, 0.872, 0.9, 0.885)),
        (270, (0.115, 0.783, 0.128, 0.9)),
    ],
)
def test_places_are_those_of_the_page_as_it_is_turned(tmp_path: Path, rotate: int, expected: tuple[float, ...]) -> None:
    (block,) = read(tmp_path, Page(rotate=rotate).text(60, 700, "Parking permit")).blocks
    assert near(block.boxes[0], *expected), block.boxes


def test_places_are_fractions_of_the_part_of_the_page_that_is_shown(tmp_path: Path) -> None:
    (block,) = read(tmp_path, Page(crop=(50, 400, 350, 800)).text(60, 700, "Parking permit")).blocks
    assert near(block.boxes[0], 10 / 300, 92 / 400, 74 / 300, 102 / 400), block.boxes


def test_a_drawn_table_has_its_cells_and_the_place_of_each_row(tmp_path: Path) -> None:
    page = Page().text(60, 760, "Prices of the sensors that we sell in this year.")
    for y in (700, 670, 630, 600):
        page.line(60, y, 360, y)
    for x in (60, 160, 260, 360):
        page.line(x, 600, x, 700)
    rows = [
        (680, ["Product", "Price", "Stock"]),
        (655, ["Sensor with a", "12 euros", "40"]),
        (641, ["long name"]),
        (610, ["Cable", "3 euros", "0"]),
    ]
    for y, cells in rows:
        for column, cell in enumerate(cells):
            page.text(65 + 100 * column, y, cell)
    (table,) = [b for b in read(tmp_path, page).blocks if b.kind == "table"]
    assert table.rows == (
        ("Product", "Price", "Stock"),
        ("Sensor with a long name", "12 euros", "40"),
        ("Cable", "3 euros", "0"),
    )
    assert [round(box.top, 3) for box in table.boxes] == pytest.approx([0.125, 0.1625, 0.2125], abs=0.002)
    assert near(table.boxes[2], 0.1, 0.2125, 0.6, 0.25)


def test_a_table_without_lines_is_found_by_its_columns_and_its_header_says_what_stands_over_them(
    tmp_path: Path,
) -> None:
    page = Page().text(60, 720, "All figures are in millions and were not audited by anyone.")
    page.text(300, 690, "Three Months Ended").text(450, 690, "Nine Months Ended")
    for x, year in ((290, "2022"), (360, "2021"), (440, "2022"), (510, "2021")):
        page.text(x, 676, year)
    for y, name, values in (
        (662, "Net sales", ("82,959", "81,434", "304,182", "282,457")),
        (648, "Cost of sales", ("47,074", "46,179", "171,495", "164,795")),
        (634, "Gross margin", ("35,885", "35,255", "132,687", "117,662")),
    ):
        page.text(60, y, name)
        for x, value in zip((290, 360, 440, 510), values, strict=True):
            page.text(x, y, value)
    (table,) = [b for b in read(tmp_path, page).blocks if b.kind == "table"]
    assert table.rows[0] == (
        "",
        "Three Months Ended 2022",
        "Three Months Ended 2021",
        "Nine Months Ended 2022",
        "Nine Months Ended 2021",
    )
    assert table.rows[3] == ("Gross margin", "35,885", "35,255", "132,687", "117,662")
    assert len(table.boxes) == len(table.rows)


def test_two_columns_are_read_one_after_the_other_even_when_written_across(tmp_path: Path) -> None:
    page = Page()
    for number in range(12):
        y = 700 - 14 * number
        page.text(50, y, f"left line number {number} of the first column")
        page.text(320, y, f"right line number {number} of the second column")
    text = "\n".join(texts(read(tmp_path, page)))
    places = [text.index(f"left line number {n} ") for n in range(12)]
    places += [text.index(f"right line number {n} ") for n in range(12)]
    assert places == sorted(places)


def running(number: int, pages: int) -> Page:
    page = Page().text(60, 770, "ACME travel policy, internal").text(280, 30, f"Page {number} of {pages}")
    for line in range(6):
        page.text(60, 700 - 14 * line, f"Rule {line} of chapter {'abcdefgh'[number]} says something else here.")
    return page


def test_heads_and_page_numbers_that_repeat_do_not_stand_between_the_text(tmp_path: Path) -> None:
    document = read(tmp_path, *[running(number, 5) for number in range(1, 6)])
    text = "\n".join(block.text for block in document.blocks)
    assert text.count("ACME travel policy") == 1, "once, so that its words can be found"
    assert "Page" not in text
    assert all(f"Rule 5 of chapter {letter}" in text for letter in "bcdef")


def test_what_stands_on_the_edge_of_one_page_only_is_kept(tmp_path: Path) -> None:
    pages = [running(number, 3) for number in range(1, 4)]
    pages[1].text(60, 785, "Erratum: rule 4 no longer holds.")
    assert "Erratum: rule 4 no longer holds." in "\n".join(b.text for b in read(tmp_path, *pages).blocks)


def test_a_word_broken_at_the_end_of_a_line_is_whole_and_a_compound_keeps_its_hyphen(tmp_path: Path) -> None:
    page = Page()
    for number, line in enumerate(
        [
            "The reimbursement of travel costs needs an appli-",
            "cation that was signed. A long-term stay is a long-",
            "term stay whatever its reason may be.",
        ]
    ):
        page.text(60, 700 - 14 * number, line)
    (block,) = read(tmp_path, page).blocks
    assert "an application\nthat was" in block.text and "is a long-term\nstay" in block.text
    assert len(block.boxes) == 3 == block.text.count("\n") + 1


def test_headings_are_told_by_size_or_by_weight(tmp_path: Path) -> None:
    page = Page().text(60, 740, "Travel", size=20).text(60, 700, "Who may travel", bold=True)
    for number in range(4):
        page.text(60, 680 - 14 * number, "Everybody may travel who has the leave of their manager.")
    headings = [(b.text, b.level) for b in read(tmp_path, page).blocks if b.kind == "heading"]
    assert headings == [("Travel", 1), ("Who may travel", 3)]


def test_title_and_date_come_from_the_metadata(tmp_path: Path) -> None:
    info = {
        "Title": "Microsoft Word - Travel policy",
        "CreationDate": "D:20240102030405Z",
        "ModDate": "D:20250607080910Z",
    }
    document = read(tmp_path, Page().text(60, 700, "Thirty days."), info=info)
    assert document.title == "Travel policy"
    assert document.dated_at == datetime(2025, 6, 7, 8, 9, 10, tzinfo=UTC)


def test_every_block_of_a_page_has_a_place_within_it(tmp_path: Path) -> None:
    document = read(tmp_path, *[running(number, 3) for number in range(1, 4)])

    def sound(block: Block) -> bool:
        inside = all(0 <= box.left < box.right <= 1 and 0 <= box.top < box.bottom <= 1 for box in block.boxes)
        return inside and all(box.page == block.page for box in block.boxes)

    assert all(block.boxes and sound(block) for block in document.blocks)


def test_a_table_with_cells_of_several_lines_is_read_cell_by_cell(tmp_path: Path) -> None:
    page = Page()
    rows = [
        (700, [["Office"], ["Hours"], ["Mana-", "ger"]]),
        (660, [["VL", "Main", "Street"], ["10 to", "six"], ["Ada", "Lovelace"]]),
        (610, [["Ulm", "Ring"], ["9 to", "five,", "Monday"], ["Grace"]]),
    ]
    for y, cells in rows:
        for column, lines in enumerate(cells):
            for number, line in enumerate(lines):
                page.text(60 + 90 * column, y - 12 * number, line)
    (table,) = [b for b in read(tmp_path, page).blocks if b.kind == "table"]
    assert table.rows == (
        ("Office", "Hours", "Manager"),
        ("VL Main Street", "10 to six", "Ada Lovelace"),
        ("Ulm Ring", "9 to five, Monday", "Grace"),
    )
    assert len(table.boxes) == 3 and table.boxes[1].bottom > table.boxes[1].top + 0.03
