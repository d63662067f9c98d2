"""What /admin/ shows, and to whom."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client

from chatapp.accounts.models import OneTimeLink, User
from chatapp.governance.models import AuditEntry
from chatapp.limits.models import Budget, Limit
from chatapp.privacy.models import RetentionRule
from chatapp.roles.models import Appointment
from tests.conftest import Cast, signed_in_session
from tests.organisations.houses import home


def as_(user: User) -> Client:
    client = Client()
    client.cookies["sessionid"] = signed_in_session(user)
    return client


def headings(page: str) -> list[str]:
    return [" ".join(found.split()) for found in re.findall(r'<a class="to"[^>]*>(.*?)</a>', page, re.S)]


def test_the_first_page_is_ours_and_names_each_kind_once(cast: Cast) -> None:
    page = as_(cast.administrator).get("/admin/").content.decode()
    assert "Footnote administration" in page and "People, documents and models" in page
    assert "Django" not in re.sub(r"<!--.*?-->", "", page, flags=re.S) and "Email addresses" not in page
    named = headings(page)
    assert len(named) == len(set(named))
    assert {"Audit trail", "Filter rules", "Documents", "Groups", "Index versions", "Limits", "Routes"} <= set(named)
    assert {"People", "Evaluation runs", "Sources"} <= set(named)


@pytest.mark.parametrize("path", ["/admin/", "/admin/login/", "/admin/auth/group/", "/admin/nothing/"])
def test_for_an_ordinary_person_it_is_not_there(cast: Cast, path: str) -> None:
    answer = as_(cast.alice).get(path)
    assert answer.status_code == 404
    assert b"Go to your conversations" in answer.content and b"Django" not in answer.content


def test_nobody_signs_in_beside_the_page_that_counts_wrong_passwords(cast: Cast) -> None:
    cast.administrator.set_password("correct horse battery")
    cast.administrator.save()
    form = {"username": "administrator", "password": "correct horse battery"}
    assert as_(cast.alice).post("/admin/login/", form).status_code == 404
    assert Client().post("/admin/login/", form).headers["Location"].startswith("/accounts/login/")
    assert as_(cast.administrator).get("/admin/login/").headers["Location"] == "/admin/"


def test_the_forms_offer_no_permissions_and_keep_those_there_are(cast: Cast) -> None:
    client, permission = as_(cast.administrator), Permission.objects.first()
    group = Group.objects.get(name="owners")
    assert permission is not None
    group.permissions.add(permission)
    for path in ("/admin/auth/group/add/", f"/admin/auth/group/{group.pk}/change/"):
        assert "permission" not in client.get(path).content.decode().lower(), path
    assert client.post(f"/admin/auth/group/{group.pk}/change/", {"name": "keepers"}).status_code == 302
    group.refresh_from_db()
    assert group.name == "keepers" and group.permissions.get() == permission
    page = client.get(f"/admin/accounts/user/{cast.alice.pk}/change/").content.decode()
    assert 'name="user_permissions"' not in page and 'name="groups"' in page
    assert client.get("/admin/accounts/user/add/").status_code == 200


def test_the_page_of_a_budget_a_limit_and_a_rule_says_of_which_it_is(cast: Cast) -> None:
    """By a word of the reader's language, not as code would name the row."""
    owners = Group.objects.get(name="owners")
    shown = {
        Budget.objects.create(group=owners, tokens=5): "owners",
        Limit.objects.create(resource="questions", amount=3, seconds=3600, user=cast.bob): "questions",
        RetentionRule.objects.create(group=None, days=30): "Everybody else",
    }
    for one, name in shown.items():
        page = as_(cast.administrator).get(f"/admin/{one._meta.label_lower.replace('.', '/')}/{one.pk}/change/")
        subtitle = re.search(r"<h2[^>]*>(.*?)</h2>", page.content.decode().partition('id="content"')[2], re.S)
        assert subtitle is not None and subtitle[1].strip() == name


def link_for(by: User, *people: User) -> str:
    form = {"action": "sign_in_link", "_selected_action": [str(one.pk) for one in people]}
    page = as_(by).post("/admin/accounts/user/", form, follow=True).content.decode()
    found = re.search(r"/accounts/link/[\w-]+/", page)
    return found[0] if found else ""


def test_an_administrator_makes_a_link_that_signs_somebody_in_once(cast: Cast) -> None:
    link = link_for(cast.administrator, cast.bob)
    line = AuditEntry.objects.get(action="sign_in_link.made")
    assert line.actor == cast.administrator and link.split("/")[-2] not in str(line.whole_detail)
    bob = Client()
    bob.post(link)
    assert bob.get("/api/conversations/").status_code == 200
    assert Client().get(link).status_code == 404


def test_somebody_is_let_in_on_one_page(cast: Cast) -> None:
    client, owners = as_(cast.administrator), Group.objects.get(name="owners")
    form = {"username": "dora", "first_name": "Dora", "email": "dora@example.com", "groups": [owners.pk],
            "usable_password": "false", "password1": "", "password2": ""}  # fmt: skip
    page = client.post("/admin/accounts/user/add/", form, follow=True)
    dora = User.objects.get(username="dora")
    assert (dora.first_name, dora.email, dora.groups.get()) == ("Dora", "dora@example.com", owners)
    link = re.search(r"/accounts/link/[\w-]+/", page.content.decode())
    assert page.redirect_chain == [("/admin/accounts/user/", 302)] and link is not None
    own = Client()
    own.post(link[0])
    assert own.get("/api/conversations/").status_code == 200
    assert own.get("/").headers["Location"] == "/accounts/password/", "the link is spent"
    chosen = "correct horse battery"
    own.post("/accounts/password/", {"new_password1": chosen, "new_password2": chosen})
    assert own.get("/").status_code == 200
    assert AuditEntry.objects.get(action="sign_in_link.made").actor == cast.administrator


def test_a_password_may_be_chosen_for_somebody_new_and_then_there_is_no_link(cast: Cast, settings: Any) -> None:
    client, chosen = as_(cast.administrator), "correct horse battery"
    form = {"username": "dora", "usable_password": "true", "password1": chosen, "password2": chosen}
    page = client.post("/admin/accounts/user/add/", form, follow=True).content.decode()
    assert "/accounts/link/" not in page and User.objects.get(username="dora").check_password(chosen)
    settings.LOCAL_ACCOUNTS = False
    page = client.get("/admin/accounts/user/add/").content.decode()
    assert "By an identity provider" in page and "signs them in once" not in page
    form = {"username": "emil", "usable_password": "false"}
    page = client.post("/admin/accounts/user/add/", form, follow=True).content.decode()
    assert "/accounts/link/" not in page and not User.objects.get(username="emil").has_usable_password()


def test_nobody_new_comes_into_a_group_of_another_organisation(cast: Cast) -> None:
    acme, own = home("acme"), Group.objects.get(name="owners")
    for by, group in ((cast.administrator, acme.group), (acme.organiser, own)):
        form = {"username": "dora", "groups": [group.pk], "usable_password": "false"}
        page = as_(by).post("/admin/accounts/user/add/", form)
        assert page.status_code == 200 and not User.objects.filter(username__startswith="dora").exists()


def test_a_link_is_for_one_person_with_an_open_account_and_where_there_are_local_ones(
    cast: Cast, settings: Any
) -> None:
    assert not link_for(cast.administrator, cast.alice, cast.bob)
    assert not link_for(cast.alice, cast.bob)
    User.objects.filter(pk=cast.bob.pk).update(is_active=False)
    assert not link_for(cast.administrator, cast.bob)
    settings.LOCAL_ACCOUNTS = False
    assert not link_for(cast.administrator, cast.alice)
    assert not OneTimeLink.objects.exists()


def test_an_organiser_makes_none_for_those_who_run_footnote(cast: Cast) -> None:
    Appointment.objects.create(role="organiser", user=cast.alice)
    assert not link_for(cast.alice, cast.administrator)
