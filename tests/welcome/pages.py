"""The pages of the first steps as a test reads them."""

from __future__ import annotations

import re

from django.test import Client

ROOT = "/admin/welcome/setup/"


def text_of(client: Client, step: str = "") -> str:
    """The page, without tags and needless blanks."""
    answer = client.get(f"{ROOT}{step}", follow=True)
    assert answer.status_code == 200, answer.status_code
    return plain(answer.content)


def plain(content: bytes) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", content.decode()).split())


def states(client: Client) -> list[str]:
    """Of the four steps, in their order."""
    page = client.get(f"{ROOT}administrator/").content.decode()
    return re.findall(r'class="step step-(\w+)"', page)
