"""Writes the sample documents whose formats are not text: `python -m chatapp.operations.make_sample`."""

from __future__ import annotations

from pathlib import Path

import docx
import openpyxl
import pptx

HERE = Path(__file__).resolve().parent / "sample"


def main() -> None:
    _handbook()
    _products()
    _support()


def _handbook() -> None:
    document = docx.Document()
    document.core_properties.title = "Business travel"
    document.add_heading("Business travel", level=1)
    document.add_paragraph("Book trips in the travel portal. Trips outside Europe need approval four weeks ahead.")
    document.add_heading("Insurance", level=2)
    document.add_paragraph(
        "The company insures every business trip. The emergency number is +49 30 5550 112, at any hour."
    )
    document.add_heading("Company cars", level=2)
    document.add_paragraph("Company cars are booked at the reception. Fuel is paid with the card in the car.")
    document.save(str(HERE / "business-travel.docx"))


def _products() -> None:
    show = pptx.Presentation()
    slides = (
        ("Aquila flow meters", "Measure from 0.1 to 400 litres a minute, with an accuracy of 0.5 percent."),
        ("Corvus pressure sensor", "Withstands 20 bar and works from -20 to 85 degrees Celsius."),
        ("Lyra water quality probe", "Measures pH, oxygen and turbidity. Its battery lasts 18 months."),
    )
    for title, text in slides:
        slide = show.slides.add_slide(show.slide_layouts[1])
        slide.shapes.title.text = title
        slide.placeholders[1].text = text
    show.save(str(HERE / "products.pptx"))


def _support() -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Support levels"
    for row in (
        ("Level", "Hours", "Answer within", "Price a year in euros"),
        ("Basic", "weekdays 9 to 17", "two working days", 0),
        ("Plus", "weekdays 7 to 20", "eight hours", 1200),
        ("Premium", "every day, at any hour", "one hour", 4800),
    ):
        sheet.append(row)
    book.save(HERE / "support-levels.xlsx")


if __name__ == "__main__":
    main()
