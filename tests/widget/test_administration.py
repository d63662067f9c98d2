"""Who makes widgets under /admin/, what becomes of it, and which lines it leaves in the trail."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from chatapp import access
from chatapp.accounts.models import User
from chatapp.governance.models import AuditEntry
from chatapp.limits.models import Limit
from chatapp.operations.address import address
from chatapp.organisations.services import create_organisation
from chatapp.roles.models import Role
from chatapp.roles.services import appoint
from chatapp.widget import services
from chatapp.widget.models import Widget
from retrieval.models import Collection, Document
from retrieval.tenants import HOUSE
from tests.conftest import Cast, signed_in_client
from tests.organisations.houses import group_of
from tests.widget.conftest import PAGE

LIST, ADD = "/admin/widget/widget/", "/admin/widget/widget/add/"


def entries(collection: Collection, **values: Any) -> dict[str, Any]:
    return {
        "organisation": str(HOUSE),
        "name": "Intranet",
        "is_on": "on",
        "origins": PAGE,
        "collections": [str(collection.pk)],
        "title": "Ask us",
        "greeting": "",
        "accent": "#1f5f5b",
        "side": "end",
        "visitor_answers": "2",
        "visitor_questions": "100",
        "address_questions": "10",
        **values,
    }


@pytest.fixture
def root(cast: Cast) -> Client:
    return signed_in_client(cast.administrator)


def made(client: Client, collection: Collection, **values: Any) -> Widget:
    answer = client.post(ADD, entries(collection, **values))
    assert answer.status_code == 302, answer.text
    return Widget.objects.get()


def change(widget: Widget) -> str:
    return f"{LIST}{widget.pk}/change/"


def actions_of() -> list[str]:
    return list(AuditEntry.objects.filter(action__startswith="widget.").order_by("pk").values_list("action", flat=True))


def test_a_widget_is_made_changed_renewed_switched_off_and_removed_with_a_line_for_each(
    root: Client, handbook: Document
) -> None:
    widget = made(root, handbook.collection, origins=f"{PAGE}/\nhttp://localhost:3000")
    assert widget.origin_list == [PAGE, "http://localhost:3000"] and not widget.visitors and widget.account is None
    page = root.get(change(widget)).text
    assert f"src=&quot;{address()}/widget.js&quot; data-key=&quot;{widget.key}&quot; defer" in page
    root.post(change(widget), entries(handbook.collection, title="Ask again"))
    key = widget.key
    root.post(LIST, {"action": "renew", "_selected_action": [str(widget.pk)]})
    widget.refresh_from_db()
    assert widget.key != key and widget.title == "Ask again" and widget.renewed_at is not None
    root.post(LIST, {"action": "switch_off", "_selected_action": [str(widget.pk)]})
    widget.refresh_from_db()
    assert not widget.is_on
    root.post(f"{LIST}{widget.pk}/delete/", {"post": "yes"})
    assert not Widget.objects.exists()
    assert actions_of() == [
        "widget.made",
        "widget.changed",
        "widget.key_renewed",
        "widget.changed",
        "widget.removed",
    ]
    line = AuditEntry.objects.get(action="widget.made")
    assert line.subject == "Intranet" and line.organisation == HOUSE
    assert line.detail["origins"] == [PAGE, "http://localhost:3000"] and line.detail["collections"] == ["Handbook"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"origins": "https://*.example.com"}, "origins"),
        ({"origins": "http://intranet.example.com"}, "origins"),
        ({"accent": "red; background: url(//evil)"}, "accent"),
        ({"collections": []}, "collections"),
        ({"visitor_questions": "0"}, "visitor_questions"),
        ({"side": "middle"}, "side"),
    ],
)
def test_what_cannot_be_is_told_beside_its_field(
    root: Client, handbook: Document, wrong: dict[str, Any], field: str
) -> None:
    answer = root.post(ADD, entries(handbook.collection, **wrong))
    assert answer.status_code == 200 and field in answer.context["adminform"].form.errors
    assert not Widget.objects.exists()


def test_visitors_read_by_an_account_and_a_group_of_the_widgets_own(root: Client, handbook: Document) -> None:
    other = Collection.objects.create(name="Other")
    answer = root.post(ADD, entries(handbook.collection, visitors="on"), follow=True)
    assert "answers people who are not signed in: whoever reaches Footnote" in answer.text
    widget = Widget.objects.get()
    account, group = widget.account, widget.readers
    assert account is not None and group is not None
    assert account.is_service and account.is_active and not account.has_usable_password()
    assert list(account.groups.all()) == [group]
    assert access.reach(account).collections == {handbook.collection.pk}
    assert {(one.resource, one.amount) for one in Limit.objects.filter(user=account)} == {
        ("turns", 2),
        ("questions", 100),
    }
    root.post(change(widget), entries(other, visitors="on", visitor_answers="5"))
    assert access.reach(User.objects.get(pk=account.pk)).collections == {other.pk}
    assert Limit.objects.get(user=account, resource="turns").amount == 5
    root.post(change(widget), entries(other))
    assert not User.objects.get(pk=account.pk).is_active
    assert not Collection.objects.filter(readers=group).exists()
    root.post(change(widget), entries(other, visitors="on"))
    assert User.objects.get(pk=account.pk).is_active, "the same account, opened again"
    root.post(LIST, {"action": "switch_off", "_selected_action": [str(widget.pk)]})
    assert not User.objects.get(pk=account.pk).is_active
    root.post(f"{LIST}{widget.pk}/delete/", {"post": "yes"})
    assert not User.objects.get(pk=account.pk).is_active
    assert not Group.objects.filter(pk=group.pk).exists() and not Limit.objects.exists()


def organiser(slug: str = "acme") -> User:
    home = create_organisation(name=slug.title(), slug=slug, by=None)
    person = User.objects.create_user(f"olga@{slug}", organisation=home)
    appoint(role=Role.ORGANISER, to=person, by=None)
    return person


def test_an_organiser_makes_widgets_of_the_own_organisation_and_lets_no_visitors_in(
    cast: Cast, root: Client, handbook: Document
) -> None:
    olga = organiser()
    theirs = Collection.objects.create(name="Theirs", tenant=olga.tenant)
    client = signed_in_client(olga)
    foreign = client.post(ADD, entries(handbook.collection))
    assert foreign.status_code == 200 and "collections" in foreign.context["adminform"].form.errors
    widget = made(client, theirs, visitors="on", organisation=str(HOUSE))
    assert widget.tenant == olga.tenant and not widget.visitors
    assert AuditEntry.objects.get(action="widget.made").organisation == olga.tenant
    assert "Intranet" in client.get(LIST).text
    ours = Widget.objects.create(name="Ours", origins=PAGE)
    assert "Ours" not in client.get(LIST).text
    assert client.get(change(ours)).status_code in (302, 404)
    client.post(LIST, {"action": "renew", "_selected_action": [str(ours.pk)]})
    key = ours.key
    ours.refresh_from_db()
    assert ours.key == key


def test_an_organiser_opens_nothing_more_to_visitors_and_may_end_it(cast: Cast) -> None:
    olga = organiser()
    opened, closed = (Collection.objects.create(name=name, tenant=olga.tenant) for name in ("Opened", "Closed"))
    widget = visited_by_many(cast, olga, opened)
    client = signed_in_client(olga)
    changed = entries(closed, name="Renamed", visitor_questions="99999", address_questions="99999")
    assert client.post(change(widget), changed).status_code == 302
    widget.refresh_from_db()
    assert widget.name == "Renamed" and list(widget.collections.all()) == [opened]
    assert (widget.visitor_questions, widget.address_questions) == (200, 20)
    client.post(LIST, {"action": "switch_off", "_selected_action": [str(widget.pk)]})
    assert widget.account is not None and not User.objects.get(pk=widget.account.pk).is_active


def visited_by_many(cast: Cast, olga: User, opened: Collection) -> Widget:
    widget = Widget.objects.create(name="Intranet", origins=PAGE, organisation=olga.organisation, visitors=True)
    widget.collections.set([opened])
    services.settle(widget, by=cast.administrator, made=True)
    return widget


def test_what_was_switched_off_for_visitors_is_not_switched_on_by_an_organiser(cast: Cast, root: Client) -> None:
    olga = organiser()
    opened = Collection.objects.create(name="Opened", tenant=olga.tenant)
    widget = visited_by_many(cast, olga, opened)
    root.post(LIST, {"action": "switch_off", "_selected_action": [str(widget.pk)]})
    answer = signed_in_client(olga).post(change(widget), entries(opened, name="Renamed"))
    widget.refresh_from_db()
    assert (answer.status_code, widget.name, widget.is_on) == (302, "Renamed", False)


def test_an_organiser_opens_the_account_of_visitors_no_further(cast: Cast, root: Client) -> None:
    olga = organiser()
    widget = visited_by_many(cast, olga, Collection.objects.create(name="Opened", tenant=olga.tenant))
    account, client = widget.account, signed_in_client(olga)
    assert account is not None
    board = group_of(olga.organisation, "acme/board")
    page = f"/admin/accounts/serviceaccount/{account.pk}/change/"
    form = {"username": account.username, "is_active": "on", "owner": "", "contact": "", "groups": [board.pk]}
    assert client.post(page, form).status_code == 404
    assert client.post(page.replace("change", "delete"), {"post": "yes"}).status_code == 404
    assert list(account.groups.all()) == [widget.readers]
    limit = Limit.objects.filter(user=account).first()
    assert limit is not None
    assert client.post(f"/admin/limits/limit/{limit.pk}/delete/", {"post": "yes"}).status_code == 404
    assert Limit.objects.filter(pk=limit.pk).exists()
    assert root.get(page).status_code == 200 and "Save" in root.get(page).text


def test_a_widget_searches_collections_of_its_own_organisation(root: Client, handbook: Document) -> None:
    olga = organiser()
    answer = root.post(ADD, entries(handbook.collection, organisation=str(olga.tenant)))
    assert "collections" in answer.context["adminform"].form.errors


def test_nobody_else_sees_or_makes_one(cast: Cast, widget: Widget) -> None:
    for person in (cast.alice, cast.bob, cast.charlie):
        client = signed_in_client(person)
        for page in (LIST, ADD, change(widget)):
            assert client.get(page).status_code == 404
            assert client.post(page, {}).status_code in (302, 404)
    assert Widget.objects.get().name == "Intranet"


def test_an_old_sign_in_changes_nothing(root: Client, widget: Widget) -> None:
    session = root.session
    session["signed_in_at"] = 0
    session.save()
    answer = root.post(LIST, {"action": "renew", "_selected_action": [str(widget.pk)]})
    assert answer.status_code == 302 and answer["Location"].startswith("/accounts/again/")
    key = widget.key
    widget.refresh_from_db()
    assert widget.key == key
