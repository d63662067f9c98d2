"""The first step: who administers."""

from __future__ import annotations

from django.test import Client
from django.utils import timezone

from chatapp.governance.models import AuditEntry
from tests.conftest import Cast, signed_in_client
from tests.welcome.pages import ROOT, plain, states, text_of

PAGE = f"{ROOT}administrator/"
ADA = {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.com"}


def test_name_and_address_are_kept_and_written_down(cast: Cast, admin: Client) -> None:
    assert admin.post(PAGE, ADA).headers["Location"] == f"{ROOT}model/"
    cast.administrator.refresh_from_db()
    assert (cast.administrator.get_full_name(), cast.administrator.email) == ("Ada Lovelace", "ada@example.com")
    assert AuditEntry.objects.filter(action="account.changed", actor=cast.administrator).count() == 1


def test_it_is_done_once_one_can_sign_in_and_be_reached(cast: Cast, admin: Client) -> None:
    admin.post(PAGE, ADA)
    assert states(admin)[0] == "open" and "You have none yet" in text_of(admin, "administrator/")
    cast.administrator.refresh_from_db()
    cast.administrator.set_password("correct horse battery")
    cast.administrator.save()
    again = signed_in_client(cast.administrator)
    assert states(again)[0] == "done" and "You have a password of your own" in text_of(again, "administrator/")
    assert again.post(PAGE, ADA | {"email": ""}).status_code == 200
    cast.administrator.email = ""
    cast.administrator.save()
    assert states(again)[0] == "open", "what was taken away is not said to be done"


def test_who_comes_by_a_provider_needs_no_password(cast: Cast) -> None:
    cast.administrator.email, cast.administrator.by_provider_at = "ada@example.com", timezone.now()
    cast.administrator.save()
    admin = signed_in_client(cast.administrator)
    assert states(admin)[0] == "done" and "by your house" in text_of(admin, "administrator/")


def test_what_is_no_address_changes_nothing_and_nobody_gets_rights_by_the_form(cast: Cast, admin: Client) -> None:
    refused = admin.post(PAGE, ADA | {"email": "nowhere"})
    assert refused.status_code == 200 and "valid email" in plain(refused.content)
    admin.post(PAGE, ADA | {"username": "root", "is_active": ""})
    cast.administrator.refresh_from_db()
    assert cast.administrator.username == "administrator" and cast.administrator.is_active
