"""When the first steps open by themselves, for whom, and how they are left."""

from __future__ import annotations

import pytest
from django.test import Client

from chatapp.accounts.links import make_link
from chatapp.accounts.models import User
from chatapp.conversations.models import Conversation, Message, Turn
from chatapp.governance.models import AuditEntry
from chatapp.welcome.models import Setup
from tests.conftest import Cast, signed_in_client
from tests.welcome.pages import ROOT, text_of

PASSWORD = "correct horse battery"


def come_by_link(user: User) -> str:
    """-> where the choice of a password leads."""
    client = Client()
    assert client.post(make_link(user)).headers["Location"] == "/accounts/password/"
    chosen = client.post("/accounts/password/", {"new_password1": PASSWORD, "new_password2": PASSWORD})
    user.refresh_from_db()
    return chosen.headers["Location"]


def ask(user: User) -> None:
    conversation = Conversation.objects.create(owner=user)
    question = Message.objects.create(conversation=conversation, role="user", text="How?")
    answer = Message.objects.create(conversation=conversation, role="assistant", text="So.", parent=question)
    Turn.objects.create(asker=user, question=question, answer=answer, running=False)


def test_the_printed_link_of_a_new_footnote_leads_an_administrator_to_the_first_step(cast: Cast) -> None:
    assert come_by_link(cast.administrator) == ROOT
    page = text_of(signed_in_client(cast.administrator))
    assert "Who administers this Footnote?" in page and "Skip this step" in page


def test_another_password_of_somebody_who_knows_the_old_one_leads_to_the_chat(cast: Cast) -> None:
    cast.administrator.set_password(PASSWORD)
    cast.administrator.save()
    new = {"old_password": PASSWORD, "new_password1": f"{PASSWORD} 2", "new_password2": f"{PASSWORD} 2"}
    assert signed_in_client(cast.administrator).post("/accounts/password/", new).headers["Location"] == "/"


def test_it_leads_others_to_the_chat(cast: Cast) -> None:
    assert come_by_link(cast.alice) == "/"


def test_once_left_the_steps_open_no_more_by_themselves_and_are_there_when_looked_for(cast: Cast) -> None:
    client = signed_in_client(cast.administrator)
    for _ in range(2):
        assert client.post(f"{ROOT}leave/").headers["Location"] == "/"
    assert AuditEntry.objects.filter(action="setup.left", actor=cast.administrator).count() == 1
    assert come_by_link(cast.administrator) == "/"
    client = signed_in_client(cast.administrator)
    assert ROOT in client.get("/admin/").content.decode()
    assert "Who administers" in text_of(client)


def test_a_footnote_that_is_in_use_opens_no_first_steps(cast: Cast) -> None:
    ask(cast.alice)
    assert come_by_link(cast.administrator) == ROOT, "somebody else's question sets nothing up"
    ask(cast.administrator)
    assert come_by_link(cast.administrator) == "/"


@pytest.mark.parametrize("page", ["", "administrator/", "model/", "model/endpoint/", "collection/", "question/"])
def test_they_are_there_for_administrators_alone(cast: Cast, page: str) -> None:
    assert signed_in_client(cast.administrator).get(ROOT + page).status_code in (200, 302)
    assert signed_in_client(cast.alice).get(ROOT + page).status_code == 404
    assert Client().get(ROOT + page).headers["Location"].startswith("/accounts/login/")
    cast.alice.is_staff = True
    cast.alice.save()
    assert signed_in_client(cast.alice).get(ROOT + page).status_code == 404


def test_there_is_one_row_however_often_it_is_asked_for(cast: Cast, admin: Client) -> None:
    for _ in range(3):
        text_of(admin)
    assert Setup.objects.count() == 1
    assert admin.get(f"{ROOT}leave/").status_code == 405 and admin.put(ROOT).status_code == 405
