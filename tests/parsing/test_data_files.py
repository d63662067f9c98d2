"""Books, source code, JSON, XML and notebooks: readable blocks that say where they stand."""

from __future__ import annotations

import json
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from retrieval.config import ParseLimits
from retrieval.contracts import ParsedDocument
from retrieval.errors import DocumentRejected
from retrieval.parsing.sandbox import parse_file


def read(tmp_path: Path, content: str | bytes, name: str) -> ParsedDocument:
    path = tmp_path / "stored"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return parse_file(path, name, ParseLimits())[1]


def placed(document: ParsedDocument) -> list[tuple[str, str]]:
    return [(block.locator, block.text) for block in document.blocks]


PYTHON = '''"""Rules of travel."""

import os

LIMIT = 30


# How far.
@cached
def distance(a, b):
    # straight
    return abs(a - b)


class Trip:
    days = 3
'''


def test_code_is_cut_at_its_definitions_and_says_its_lines(tmp_path: Path) -> None:
    document = read(tmp_path, PYTHON, "rules.py")
    assert document.title == "rules.py"
    code = [(b.locator, b.text.split("\n")[0]) for b in document.blocks if b.kind == "code"]
    assert code == [
        ("lines 1-5", '"""Rules of travel."""'),
        ("lines 8-12", "# How far."),
        ("lines 15-16", "class Trip:"),
    ]
    assert [b.text for b in document.blocks if b.kind == "heading"] == ["def distance(a, b)", "class Trip"]


@pytest.mark.parametrize(
    ("name", "text", "headings"),
    [
        (
            "a.js",
            "import x from 'x';\n\nexport function go(a) {\n  return a;\n}\n\nclass B {\n}\n",
            ["export function go(a)", "class B"],
        ),
        ("a.go", "package main\n\nfunc main() {\n}\n\ntype T struct {\n\tx int\n}\n", ["func main()", "type T struct"]),
        ("a.c", "#include <a.h>\n\nint add(int a, int b)\n{\n  return a + b;\n}\n", ["int add(int a, int b)"]),
        (
            "a.sql",
            "CREATE TABLE users (\n  id int\n);\n\nCREATE VIEW v AS\n  SELECT 1;\n",
            ["CREATE TABLE users", "CREATE VIEW v AS"],
        ),
        ("a.rs", "use std;\n\npub fn run() {\n}\n\nimpl T {\n    fn x() {}\n}\n", ["pub fn run()", "impl T"]),
    ],
)
def test_definitions_of_other_languages_are_found(tmp_path: Path, name: str, text: str, headings: list[str]) -> None:
    document = read(tmp_path, text, name)
    assert [block.text for block in document.blocks if block.kind == "heading"] == headings
    joined = "\n".join(block.text for block in document.blocks)
    assert all(line.strip() in joined for line in text.split("\n")), "nothing is lost"


def test_a_file_that_defines_nothing_is_read_too(tmp_path: Path) -> None:
    document = read(tmp_path, "limit: 30\nrules:\n  - ask\n", "travel.yaml")
    assert placed(document) == [("lines 1-3", "limit: 30\nrules:\n  - ask")]


def test_every_line_of_a_long_class_is_kept_under_its_method(tmp_path: Path) -> None:
    methods = "\n".join(f"    def m{n}(self):\n        a = {n}\n        b = a\n        return b\n" for n in range(30))
    document = read(tmp_path, f"class Long:\n    '''Much.'''\n\n{methods}", "long.py")
    code = [block for block in document.blocks if block.kind == "code"]
    assert len(code) == 31 and code[1].text.startswith("    def m0(self):".strip())
    assert all(f"a = {n}\n" in "\n".join(b.text for b in code) for n in range(30))


def test_records_of_json_have_a_path_and_readable_lines(tmp_path: Path) -> None:
    value = {
        "title": "Offices",
        "year": 2024,
        "items": [
            {"city": "Ulm", "address": {"street": "Main Street 1", "open": True}, "tags": ["a", "b"]},
            {"city": "Bonn", "address": {"street": "Ring 2", "open": False}, "tags": []},
        ],
    }
    document = read(tmp_path, json.dumps(value), "offices.json")
    assert document.title == "Offices"
    assert placed(document) == [
        ("$", "title: Offices\nyear: 2024"),
        ("$.items[0]", "city: Ulm\naddress.street: Main Street 1\naddress.open: yes\ntags: a, b"),
        ("$.items[1]", "city: Bonn\naddress.street: Ring 2\naddress.open: no"),
    ]


def test_json_lines_say_their_line_and_damaged_ones_are_counted(tmp_path: Path) -> None:
    document = read(tmp_path, '{"a": 1}\n\nnot json\n{"a": 2}\n', "log.jsonl")
    assert placed(document) == [("line 1", "a: 1"), ("line 4", "a: 2")]
    assert document.warnings == ("1 lines are not valid JSON and were not read.",)


@pytest.mark.parametrize("content", ['{"a": [1, 2', "[" * 100_000, '{"a": ' + "9" * 10_000 + "}"])
def test_what_is_not_json_is_read_as_text_with_a_warning(tmp_path: Path, content: str) -> None:
    document = read(tmp_path, content, "broken.json")
    assert document.warnings and document.blocks[0].text.startswith(content[:5])


def test_records_of_xml_have_a_path_and_no_entity_is_expanded(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hidden words")
    content = (
        f'<?xml version="1.0"?><!DOCTYPE c [<!ENTITY x SYSTEM "file://{secret}">]>'
        "<offices><office id='1'><city>Ulm</city></office><office id='2'><city>Bonn &x;</city></office></offices>"
    )
    document = read(tmp_path, content, "offices.xml")
    assert placed(document)[0] == ("offices.office[0]", "@id: 1\ncity: Ulm")
    assert "hidden" not in str(document.blocks)


def test_cells_of_a_notebook_are_text_and_code(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Plan\n", "Measure it."]},
        {"cell_type": "code", "source": "print(1)", "outputs": [{"text": "noise"}]},
    ]
    document = read(tmp_path, json.dumps({"cells": cells}), "plan.ipynb")
    assert placed(document) == [("cell 1", "Plan"), ("cell 1", "Measure it."), ("cell 2", "print(1)")]


def book(parts: dict[str, str], order: list[str], extra: dict[str, str] | None = None) -> bytes:
    items = "".join(f'<item id="{n}" href="{n}.xhtml" media-type="application/xhtml+xml"/>' for n in parts)
    spine = "".join(f'<itemref idref="{name}"/>' for name in order)
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata>'
        "<dc:title>Handbook</dc:title><dc:date>2023-04-05</dc:date></metadata>"
        f"<manifest>{items}</manifest><spine>{spine}</spine></package>"
    )
    container = '<container><rootfiles><rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'
    content = BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr("META-INF/container.xml", container)
        archive.writestr("OEBPS/book.opf", package)
        for name, text in parts.items():
            archive.writestr(f"OEBPS/{name}.xhtml", f"<html><body>{text}</body></html>")
        for name, text in (extra or {}).items():
            archive.writestr(name, text)
    return content.getvalue()


def test_a_book_is_read_in_the_order_of_its_spine(tmp_path: Path) -> None:
    parts = {"b": "<h1>Second</h1><p>Two.</p>", "a": "<h1>First</h1><p>One.</p>", "toc": "<p>Contents</p>"}
    document = read(tmp_path, book(parts, ["a", "b"]), "handbook.epub")
    assert document.title == "Handbook" and document.dated_at is not None and document.dated_at.year == 2023
    assert placed(document) == [("part 1", "First"), ("part 1", "One."), ("part 2", "Second"), ("part 2", "Two.")]


@pytest.mark.parametrize("date", ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00", "0044-03-15"])
def test_a_date_that_cannot_be_kept_is_none(tmp_path: Path, date: str) -> None:
    content = BytesIO()
    with zipfile.ZipFile(BytesIO(book({"a": "<p>One.</p>"}, ["a"]))) as known, zipfile.ZipFile(content, "w") as odd:
        for name in known.namelist():
            odd.writestr(name, known.read(name).replace(b"2023-04-05", date.encode()))
    document = read(tmp_path, content.getvalue(), "handbook.epub")
    assert document.title == "Handbook" and document.dated_at is None


def test_a_protected_book_and_a_book_that_unpacks_to_too_much_are_refused(tmp_path: Path) -> None:
    sealed = '<encryption><CipherReference URI="OEBPS/a.xhtml"/></encryption>'
    for content, code in (
        (book({"a": "<p>One.</p>"}, ["a"], {"META-INF/encryption.xml": sealed}), "encrypted"),
        (book({"a": "<p>" + "a" * 60_000_000 + "</p>"}, ["a"]), "bomb"),
    ):
        with pytest.raises(DocumentRejected) as caught:
            read(tmp_path, content, "book.epub")
        assert caught.value.code == code


def test_words_that_are_marked_up_stay_in_their_sentence_and_scripts_are_no_words(tmp_path: Path) -> None:
    page = (
        "<html><body><div>Leave is <b>30</b> days,<br>see <a href='#'>the rules</a>.<script>var x</script>"
        "<p>Ask first.</p></div><table><tr><td>Laid out <ul><li>one</li><li>two</li></ul></td></tr></table>"
    )
    document = read(tmp_path, page, "page.html")
    assert [b.text for b in document.blocks] == [
        "Leave is 30 days,\nsee the rules.",
        "Ask first.",
        "Laid out",
        "- one\n- two",
    ]


@pytest.mark.parametrize(
    ("content", "name", "expected"),
    [
        ("氏名,年齢\n佐藤太郎,30\n三木英子,25\n鈴木一郎,41\n".encode("shift_jis"), "people.csv", "佐藤太郎 | 30"),
        ("Отпуск составляет тридцать дней в году.\n".encode("cp1251") * 5, "leave.txt", "Отпуск составляет тридцать"),
        ("Grüße aus Köln, schöne Tage.\n".encode("cp1252"), "gruss.txt", "Grüße aus Köln"),
        ('<html><head><meta charset="iso-8859-2"></head><p>Zażółć gęślą jaźń'.encode("iso-8859-2"), "a.html", "Zażółć"),
    ],
)
def test_texts_of_other_scripts_are_read_without_utf_8(
    tmp_path: Path, content: bytes, name: str, expected: str
) -> None:
    assert expected in "\n".join(block.text for block in read(tmp_path, content, name).blocks)


def test_lists_and_tables_of_a_page_keep_their_numbers_and_columns(tmp_path: Path) -> None:
    page = (
        "<html><body><ol><li>Ask<ul><li>in writing</li></ul></li><li>Wait</li></ol>"
        "<table><tr><th>Name</th><th colspan='2'>Price</th></tr>"
        "<tr><td rowspan='2'>Sensor</td><td>1</td><td>2</td></tr>"
        "<tr><td>3</td><td>4</td></tr></table></body></html>"
    )
    document = read(tmp_path, page, "page.html")
    assert [b.text for b in document.blocks if b.kind == "list"] == ["1. Ask\n  - in writing\n2. Wait"]
    (table,) = [b for b in document.blocks if b.kind == "table"]
    assert table.rows == (("Name", "Price", ""), ("Sensor", "1", "2"), ("Sensor", "3", "4"))
