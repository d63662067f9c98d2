"""Curators look after their collections alone, auditors read the trail alone; who loses the role loses it at once."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction
from django.test import Client

from chatapp import access
from chatapp.accounts.models import User
from chatapp.errors import Invalid, NotFound
from chatapp.governance.models import AuditEntry
from chatapp.roles.models import Appointment, Role
from chatapp.roles.services import appoint, dismiss, is_auditor
from retrieval.models import Collection, Document
from tests.conftest import Cast, signed_in_client


@pytest.fixture
def wards(cast: Cast) -> Collection:
    """Of which bob is the curator."""
    collection = Collection.objects.create(name="Wards")
    appoint(role=Role.CURATOR, to=cast.bob, collection=collection, by=cast.administrator)
    return collection


def document_in(collection: Collection, name: str = "rota.txt") -> Document:
    return Document.objects.create(collection=collection, name=name, size=1, sha256=f"{abs(hash(name)):064x}")


def change(client: Client, path: str, **body: Any) -> int:
    return client.patch(path, body, content_type="application/json").status_code


def test_a_curator_reads_and_changes_their_collection_and_no_other(cast: Cast, wards: Collection) -> None:
    other, client = Collection.objects.create(name="Payroll"), signed_in_client(cast.bob)
    assert [one["name"] for one in client.get("/api/collections/").json()["collections"]] == ["Wards"]
    assert change(client, f"/api/collections/{wards.pk}/", description="Rotas") == 200
    assert change(client, f"/api/collections/{other.pk}/", description="Rotas") == 404
    assert access.reach(cast.bob).collections == {wards.pk}
    other.everyone = True
    other.save()
    assert change(client, f"/api/collections/{other.pk}/", description="Rotas") == 404
    assert client.delete(f"/api/collections/{wards.pk}/").status_code == 404


def test_a_curator_cannot_carry_documents_out_of_what_they_look_after(cast: Cast, wards: Collection) -> None:
    other, client = Collection.objects.create(name="Open", everyone=True), signed_in_client(cast.bob)
    mine, theirs = document_in(wards), document_in(other, "plan.txt")
    assert change(client, f"/api/documents/{mine.pk}/", collection=str(other.pk)) == 404
    assert change(client, f"/api/documents/{theirs.pk}/", collection=str(wards.pk)) == 404
    assert change(client, f"/api/documents/{mine.pk}/", restricted=True, readers=["owners"]) == 200
    assert client.get(f"/api/documents/{mine.pk}/").status_code == 404  # not a reader of it
    listed = client.get(f"/api/collections/{wards.pk}/documents/").json()["documents"]
    assert [(one["name"], one["readers"]) for one in listed] == [("rota.txt", ["owners"])]
    assert client.delete(f"/api/documents/{mine.pk}/").status_code == 204


@pytest.mark.parametrize(
    ("kind", "more", "status"),
    [("web", {}, 201), ("folder", {}, 404), ("s3", {}, 404), ("web", {"key_name": "SOURCE_KEY_HOUSE"}, 404)],
)
def test_a_curator_makes_sources_of_public_pages_alone(
    cast: Cast, wards: Collection, kind: str, more: dict[str, str], status: int
) -> None:
    body = {"name": "News", "collection": str(wards.pk), "kind": kind, "settings": {"start": ["https://example.com/"]}}
    answer = signed_in_client(cast.bob).post("/api/sources/", body | more, content_type="application/json")
    assert answer.status_code == status, answer.content
    assert (status == 201) == wards.sources.exists()


def test_a_role_of_a_group_comes_and_goes_with_the_membership(cast: Cast, wards: Collection) -> None:
    nurses = Group.objects.create(name="nurses")
    appoint(role=Role.CURATOR, to=nurses, collection=wards, by=cast.administrator)
    appoint(role=Role.AUDITOR, to=nurses, by=cast.administrator)
    client = signed_in_client(cast.charlie)
    assert client.get(f"/api/collections/{wards.pk}/").status_code == 404 and not is_auditor(cast.charlie)
    cast.charlie.groups.add(nurses)
    assert client.get(f"/api/collections/{wards.pk}/").json()["collection"]["curated"] and is_auditor(cast.charlie)
    cast.charlie.groups.remove(nurses)
    assert client.get(f"/api/collections/{wards.pk}/").status_code == 404 and not is_auditor(cast.charlie)


def test_the_administration_shows_each_role_its_own_pages(cast: Cast, wards: Collection) -> None:
    Collection.objects.create(name="Payroll")
    appoint(role=Role.AUDITOR, to=cast.charlie, by=cast.administrator)
    curators, auditors = (signed_in_client(one).get("/admin/").content.decode() for one in (cast.bob, cast.charlie))
    assert "/admin/retrieval/collection/" in curators and "/admin/governance/" not in curators
    assert "/admin/governance/auditentry/" in auditors and "/admin/retrieval/" not in auditors
    assert "/admin/accounts/" not in curators + auditors and "/admin/inference/" not in curators + auditors
    listed = signed_in_client(cast.bob).get("/admin/retrieval/collection/").content.decode()
    assert "Wards" in listed and "Payroll" not in listed


def test_a_curator_does_not_say_what_may_leave_the_house(cast: Cast, wards: Collection) -> None:
    Collection.objects.update(stays_in_house=True)
    form = {"name": "Wards", "description": "New", "everyone": "", "stays_in_house": "", "_save": "Save"}
    path = f"/admin/retrieval/collection/{wards.pk}/change/"
    assert signed_in_client(cast.bob).post(path, form).status_code == 302
    wards.refresh_from_db()
    assert (wards.description, wards.stays_in_house) == ("New", True)


def test_the_navigation_shows_only_what_opens(cast: Cast, wards: Collection) -> None:
    appoint(role=Role.AUDITOR, to=cast.charlie, by=cast.administrator)
    for person, documents, administration in (
        (cast.alice, False, False),
        (cast.bob, True, True),
        (cast.charlie, False, True),
        (cast.administrator, True, True),
    ):
        page = signed_in_client(person).get("/").content.decode()
        assert ('href="/documents/"' in page, 'href="/admin/"' in page) == (documents, administration), person


def test_giving_and_taking_a_role_is_written_down(cast: Cast, wards: Collection) -> None:
    given = appoint(role=Role.AUDITOR, to=Group.objects.get(name="owners"), by=cast.administrator)
    with pytest.raises(Invalid):
        appoint(role=Role.AUDITOR, to=Group.objects.get(name="owners"), by=cast.administrator)
    dismiss(given, by=cast.administrator)
    dismiss(given, by=cast.administrator)
    lines = AuditEntry.objects.filter(action__startswith="role.").order_by("pk")
    assert [line.action for line in lines] == ["role.given", "role.given", "role.taken"]
    assert not is_auditor(cast.alice)


def test_only_an_administrator_gives_roles(cast: Cast, wards: Collection) -> None:
    form = {"role": "auditor", "user": str(cast.bob.pk), "collection": "", "group": ""}
    assert signed_in_client(cast.bob).post("/admin/roles/appointment/add/", form).status_code == 404
    assert signed_in_client(cast.administrator).post("/admin/roles/appointment/add/", form).status_code == 302
    assert is_auditor(User.objects.get(username="bob"))
    row = Appointment.objects.get(role=Role.AUDITOR)
    gone = signed_in_client(cast.administrator).post(f"/admin/roles/appointment/{row.pk}/delete/", {"post": "yes"})
    assert gone.status_code == 302 and not is_auditor(cast.bob)


@pytest.mark.parametrize("values", [{"role": "curator"}, {"role": "auditor", "collection": True}, {"role": "owner"}])
def test_the_database_refuses_roles_that_mean_nothing(cast: Cast, wards: Collection, values: dict[str, Any]) -> None:
    values = values | ({"collection": wards} if "collection" in values else {})
    with pytest.raises(IntegrityError), transaction.atomic():
        Appointment.objects.create(user=cast.bob, **values)


def test_a_closed_account_has_no_role(cast: Cast, wards: Collection) -> None:
    cast.bob.is_active = False
    assert not access.curated(cast.bob).exists() and not access.curates_any(cast.bob)
    with pytest.raises(NotFound):
        access.get_collection_to_curate(cast.bob, wards.pk)
