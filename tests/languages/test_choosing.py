"""Which language is spoken to whom, through the doors."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from chatapp.accounts.models import User
from chatapp.languages import catalog
from chatapp.languages.said import said
from tests.conftest import Cast

GERMAN = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}
ARABIC = {"Accept-Language": "ar"}
pytestmark = pytest.mark.django_db


def test_the_browser_s_language_is_spoken(client: Client) -> None:
    page = client.get("/accounts/login/", headers=GERMAN)
    assert '<html lang="de" dir="ltr">' in page.text and "Anmelden" in page.text
    page = client.get("/accounts/login/", headers=ARABIC)
    assert '<html lang="ar" dir="rtl">' in page.text and "تسجيل الدخول" in page.text
    page = client.get("/accounts/login/", headers={"Accept-Language": "fr"})
    assert '<html lang="en" dir="ltr">' in page.text


def test_a_choice_counts_for_more_than_the_browser_and_leads_back(client: Client) -> None:
    answer = client.post("/language/", {"language": "ar", "next": "/accounts/login/?next=/c/1/"}, headers=GERMAN)
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/?next=/c/1/")
    cookie = client.cookies["django_language"]
    assert (cookie.value, cookie["httponly"], cookie["samesite"]) == ("ar", True, "Lax")
    assert '<html lang="ar"' in client.get("/accounts/login/", headers=GERMAN).text


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_a_choice_leads_to_no_other_site(client: Client, elsewhere: str) -> None:
    assert client.post("/language/", {"language": "de", "next": elsewhere})["Location"] == "/"


def test_a_language_that_there_is_not_is_not_kept(client: Client) -> None:
    client.post("/language/", {"language": "xx", "next": "/"})
    assert "django_language" not in client.cookies


def test_a_choice_needs_the_token_of_the_page_and_a_post() -> None:
    strict = Client(enforce_csrf_checks=True)
    assert strict.post("/language/", {"language": "de"}).status_code == 403
    assert strict.get("/language/").status_code == 405


def test_programs_read_english(client: Client) -> None:
    for path in ("/v1/models", "/scim/v2/Users"):
        answer = client.get(path, headers=GERMAN)
        assert answer.status_code == 401
        assert "token" in answer.text.lower() or "key" in answer.text.lower()
        assert "Schlüssel" not in answer.text


def test_errors_are_english_for_scripts_and_translated_on_pages(client: Client, cast: Cast) -> None:
    client.force_login(cast.alice)
    told = client.get("/api/conversations/00000000-0000-0000-0000-000000000000/", headers=GERMAN)
    assert told.json()["error"]["message"] == "There is nothing here that you can see."
    page = client.get("/documents/00000000-0000-0000-0000-000000000000/", headers=GERMAN)
    assert "Hier gibt es nichts, was Sie sehen können." in page.text


def test_the_catalog_is_for_everybody_and_kept_for_good(client: Client) -> None:
    with translation.override("ar"):
        address = catalog.address_of("ar")
    answer = client.get(address, headers={"Accept-Encoding": "gzip"})
    assert answer["Content-Type"].startswith("text/javascript")
    assert "immutable" in answer["Cache-Control"] and answer["Content-Encoding"] == "gzip"
    assert len(answer.content) < 26_000  # beside 115 kB of the chat page, of 150 in all
    plain = client.get(address, headers={"Accept-Encoding": "identity"}).text
    assert '"Ask again": "الس' in plain, "letters as themselves, which take less"
    assert "django.said = [" in plain
    assert (
        "max-age=0" in client.get("/language/ar/000000000000.js")["Cache-Control"]
    )  # of a page from before an upgrade


@pytest.mark.parametrize("path", ["/language/en/0.js", "/language/xx/0.js"])
def test_there_is_no_catalog_of_other_languages(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404


def test_english_pages_load_no_catalog(client: Client) -> None:
    assert "/language/" not in re.sub(r"<form.*?</form>", "", client.get("/accounts/login/").text, flags=re.S)


def test_what_was_made_in_english_is_said_in_the_language_of_the_page() -> None:
    with translation.override("de"):
        assert said("The question is empty.") == "Die Frage ist leer."
        assert (
            said("Wait 20 seconds, then try again.") == "Warten Sie 20 Sekunden und versuchen Sie es dann noch einmal."
        )
        assert said("qwen could not be reached. gpt: No model is installed. The model broke off.") == (
            "qwen war nicht erreichbar. gpt: No model is installed. Das Modell brach ab."
        )
        assert said("Nobody listed this.") == "Nobody listed this."
        assert said("Wait " + "x" * 3000 + " seconds, then try again.").startswith("Wait xxx")
    with translation.override("en"):
        assert said("The question is empty.") == "The question is empty."


def test_names_that_people_gave_cost_no_time_to_look_for_values_in() -> None:
    """They may hold what stands between the values of one of our texts, again and again."""
    begun = time.process_time()
    with translation.override("de"):
        for name in (" of a" * 180, ", a" * 300, "/s, a" * 180, " left" * 180):
            said(f"downloading, a of a{name}"[:1000])
            said(f"In a. downloading, a of a{name}"[:990] + ", and so on")
    assert time.process_time() - begun < 1, "seconds of the processor: what goes back and forth takes minutes"


def test_a_value_in_a_sentence_stays_text_on_the_page(client: Client, django_user_model: type[User]) -> None:
    from django.template import engines

    template = engines["django"].from_string("{% load languages %}{{ words|said }}")
    with translation.override("de"):
        shown: Any = template.render({"words": "There is nobody named '<b>x</b>' here."})
    assert "&lt;b&gt;" in shown and "<b>" not in shown
