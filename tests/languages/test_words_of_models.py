"""What the pages of sources, versions, rules, models and of the system say in German; what stays English beside it."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone, translation

from chatapp.governance.models import AuditEntry
from chatapp.languages.said import said
from chatapp.operations.models import Minute
from chatapp.safety import policy
from chatapp.safety.models import FilterRule
from inference.models import Job, ModelVersion
from retrieval.models import Collection, Document
from retrieval.sources.models import Source
from retrieval.versions.models import IndexVersion
from tests.conftest import Cast

GERMAN = {"Accept-Language": "de"}
RULE = {"what": "email", "where": "answer", "action": "mask", "words": "", "group": "", "collection": ""}
pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(cast: Cast, client: Client) -> Client:
    client.force_login(cast.administrator)
    return client


def test_names_that_django_makes_are_translated_and_are_no_migration(admin: Client) -> None:
    with translation.override("de"):
        assert str(Source._meta.verbose_name_plural) == "Quellen"
        assert str(Source._meta.get_field("every_minutes").verbose_name) == "every minutes"  # no page shows it
        assert str(ModelVersion._meta.get_field("licence").verbose_name) == "Lizenz"
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_the_trail_stays_english_on_a_german_page(admin: Client) -> None:
    assert admin.post("/admin/safety/filterrule/add/", RULE | {"when_away": "closed", "reply": ""}, headers=GERMAN)
    assert AuditEntry.objects.get(action="filter_rule.added").subject == "mask: email in answers, as they are written"
    listed = admin.get("/admin/safety/filterrule/", headers=GERMAN).text
    assert "unkenntlich machen" in listed and "E-Mail-Adressen" in listed
    with translation.override("de"):
        assert str(FilterRule.objects.get()).startswith("unkenntlich machen: email in Antworten")
        assert policy.label("email") == "e-mail addresses"  # is kept with answers, and looked up where it is read


def test_a_source_and_its_error_are_told_in_german(admin: Client, cast: Cast) -> None:
    collection = Collection.objects.create(name="Handbook")
    source = Source.objects.create(
        name="wiki", collection=collection, kind="web", outcome="failed", counts={"seen": 3, "failed": 3},
        settings={"start": ["https://wiki.example.com/"]}, error="The source does not answer. Correct them.",
    )  # fmt: skip
    shown = admin.get(f"/admin/sources/source/{source.pk}/change/", headers=GERMAN).text
    for words in (
        "Webseiten und Sitemaps",
        "auf Verlangen",
        "3 gesehen, 3 fehlgeschlagen",
        "Die Quelle antwortet nicht",
    ):
        assert words in shown
    taken = {"name": "wiki", "collection": str(collection.pk), "set_path": "/nowhere"}
    page = admin.post("/admin/sources/source/add/?kind=folder", taken, headers=GERMAN).text
    assert "Es gibt schon eine Quelle dieses Namens." in page and "Endungen" in page


def test_a_version_says_how_far_it_is_in_german(admin: Client) -> None:
    version = IndexVersion.objects.create(embedding_model="mini", dimension=3, status="building", queued_at=None)
    shown = admin.get(f"/admin/versions/indexversion/{version.pk}/change/", headers=GERMAN).text
    assert f"Version {version.pk}" in shown and "wird gebaut, 0 von 0 Dokumenten" in shown and "Abbrechen" in shown


def test_jobs_and_figures_are_told_in_german(admin: Client, tmp_path: Any) -> None:
    model = ModelVersion.objects.create(name="small", path=str(tmp_path / "small.gguf"))
    result = {"before": {"perplexity": 17.8}, "after": {"perplexity": 18.9}}
    job = Job.objects.create(kind="quantize", version=model, state="done", result=result)
    shown = admin.get(f"/admin/inference/job/{job.pk}/change/", headers=GERMAN).text
    for words in ("Quantisieren", "vorher", "nachher", "Perplexität", "Geschwindigkeiten gelten für einen Rechner"):
        assert words in shown
    Minute.objects.create(at=timezone.now().replace(second=0, microsecond=0), summed=True, answers=1234, cost="0.5")
    system = admin.get("/admin/operations/minute/", headers=GERMAN).text
    assert "1.234 von Modellen geschrieben" in system and "Datenbank" in system and "in Ordnung" in system


def test_of_two_sentences_that_fit_the_one_that_says_more_is_meant() -> None:
    with translation.override("de"):
        assert said("It is for questions in German or French only; this one seems to be in English.") == (
            "Es ist nur für Fragen auf Deutsch oder Französisch; diese scheint auf Englisch zu sein."
        )
        assert said("Line 3: this is not JSON.") == "Zeile 3: Das ist kein JSON."
        assert "(Kartennummern)" in said(
            "This contains card numbers, which the rules of your organisation do not allow."
        )
        assert said("There is nobody named Models here.") == "Hier gibt es niemanden namens Models."  # a name, no word
        assert said("Line 3: The question is empty.") == "Zeile 3: Die Frage ist leer."
        assert said("Index version 4 is building: it is not complete.") == (
            "Indexversion 4 ist: wird gebaut. Sie ist nicht vollständig."
        )


def test_why_a_document_failed_is_told_in_german(admin: Client) -> None:
    collection = Collection.objects.create(name="Handbook")
    document = Document.objects.create(
        collection=collection, name="a.pdf", size=1, sha256="1" * 64, status="failed", error="The file is empty."
    )
    shown = admin.get(f"/admin/retrieval/document/{document.pk}/change/", headers=GERMAN).text
    assert "Die Datei ist leer." in shown and "The file is empty." not in shown
