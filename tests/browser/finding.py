"""A document is ready a moment before searches find it: the index service reads what changed every second."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page

from tests.waiting import wait_until


def wait_until_found(page: Page, name: str, question: str) -> None:
    """`question`: whose passages are from that document, among others."""
    wait_until(lambda: name in _found(page, question), 30, every_s=0.3)


def _found(page: Page, question: str) -> set[str]:
    answer: dict[str, Any] = page.evaluate(_SEARCH, question)
    return {one["document"]["name"] for one in answer["results"]}


_SEARCH = """async (question) => {
  const token = document.querySelector('meta[name="csrf-token"]').content;
  const headers = { "Content-Type": "application/json", "X-CSRFToken": token };
  const answer = await fetch("/api/search/", { method: "POST", headers, body: JSON.stringify({ question }) });
  return answer.ok ? answer.json() : { results: [] };  // on a busy machine the index is away for a moment
}"""
