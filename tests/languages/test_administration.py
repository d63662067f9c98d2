"""What administration pages show of models and of what looks after them, in the language of the page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin import ModelAdmin, site
from django.contrib.admin.utils import flatten_fieldsets, label_for_field
from django.db.models import Field
from django.test import Client, RequestFactory
from django.utils import translation

import chatapp.urls  # noqa: F401 - what is registered is registered there
from chatapp.accounts.models import User
from chatapp.roles.models import Appointment
from tests.conftest import Cast

_ARABIC = re.compile(r"[\u0600-\u06ff]")
_WORD = re.compile(r"[A-Za-z]{2}")
_NAMES = {
    "externalId",
    "userName",
    "OpenID Connect",
    "SAML 2.0",
    "SHA-256",
    "sha256",
    "Sha256",
    "Azure OpenAI",
    "SQL",
    "IMAP",
}
_NAMES |= {"nDCG@10", "SAML"}
_NOT_YET = {  # apps whose labels are English yet
    "mfa",
    "socialaccount",
}
_ADMINS = [one for one in site._registry.values() if one.model._meta.concrete_model._meta.app_label not in _NOT_YET]
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("admin", _ADMINS, ids=lambda one: one.model._meta.label)
def test_what_the_administration_calls_its_things_is_translated(admin: ModelAdmin[Any], cast: Cast) -> None:
    with translation.override("ar"):
        found = {str(text) for text in _texts(admin, cast.administrator) if text}
    english = sorted(text for text in found if _WORD.search(text) and not _ARABIC.search(text) and text not in _NAMES)
    assert not english, f"see docs/translations.md: {english}"


def _texts(admin: ModelAdmin[Any], user: User) -> Iterator[Any]:
    request = RequestFactory().get("/admin/")
    request.user = user
    options = admin.model._meta
    yield from (options.verbose_name, options.verbose_name_plural, options.app_config.verbose_name)
    yield admin.search_help_text
    yield from (one[2] for one in admin.get_actions(request).values() if one)
    for obj in (None, admin.model()):
        fieldsets = admin.get_fieldsets(request, obj)
        yield from (name for name, _ in fieldsets)
        asked = admin.get_form(request, obj, change=obj is not None).base_fields
        for field in asked.values():
            yield from (field.label, field.help_text)
        names = [*flatten_fieldsets(fieldsets), *admin.get_list_display(request)]
        told = [name for name in names if name not in asked and name != "__str__"]
        yield from (label_for_field(name, admin.model, admin) for name in told)
    yield from _texts_of_fields(admin, request)


def _texts_of_fields(admin: ModelAdmin[Any], request: Any) -> Iterator[Any]:
    """With the words for their values."""
    shown = {*flatten_fieldsets(admin.get_fieldsets(request)), *admin.get_list_display(request)}
    for field in admin.model._meta.get_fields():
        if isinstance(field, Field) and field.name in shown:
            yield field.help_text
            yield from (label for value, label in field.flatchoices if value)
    for one in admin.get_list_filter(request) or ():
        name = one[0] if isinstance(one, tuple) else one
        if isinstance(name, str) and "__" not in name:
            yield admin.model._meta.get_field(name).verbose_name


@pytest.fixture
def german(client: Client, cast: Cast) -> Client:
    client.force_login(cast.administrator)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "de"
    return client


def test_pages_of_the_administration_speak_the_language_of_the_reader(german: Client) -> None:
    page = german.get("/admin/roles/appointment/add/")
    assert 'lang="de"' in page.text and "Administration von" in page.text
    assert "Prüfer: liest das Prüfprotokoll" in page.text and "Für Kuratoren." in page.text


def test_arabic_pages_run_from_the_right_with_django_s_own_styles(client: Client, cast: Cast) -> None:
    client.force_login(cast.administrator)
    page = client.get("/admin/widget/widget/add/", headers={"Accept-Language": "ar"})
    assert 'dir="rtl"' in page.text and "css/rtl" in page.text and "من لم يسجّلوا الدخول" in page.text


def test_what_a_service_refuses_is_told_in_the_language_of_the_form(german: Client) -> None:
    User.objects.create_user("anna@acme")
    page = german.post("/admin/organisations/organisation/add/", {"name": "Acme", "slug": "acme"})
    assert (
        "Es gibt Personen, Gruppen oder Wortlisten, deren Namen mit @acme enden oder mit acme/ beginnen." in page.text
    )
    assert "Wählen Sie einen anderen Kurznamen" in page.text
    page = german.post("/admin/widget/widget/add/", {"name": "Intranet", "origins": "ftp://example.com"})
    assert "ist keine Herkunftsadresse. Schreiben Sie jede wie" in page.text


def test_scripts_of_django_s_pages_say_what_django_does_not(german: Client) -> None:
    script = german.get("/admin/jsi18n/").text
    assert "Alle ausw\\u00e4hlen (%s)" in script and "Heute" in script


def test_steps_tell_how_far_they_are_with_the_right_number(german: Client) -> None:
    page = german.get("/admin/welcome/setup/model/")
    assert "Welches Modell antwortet?" in page.text and "noch offen" in page.text
    assert 'dir="ltr"' in page.text.partition("<body")[0]


def test_roles_are_named_in_the_language_of_the_page(cast: Cast) -> None:
    role = Appointment(role="auditor", user=cast.alice)
    with translation.override("en"):
        assert str(role) == "auditor: alice"
    with translation.override("de"):
        assert str(role) == "Prüfer: alice"
