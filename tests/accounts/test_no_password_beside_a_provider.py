"""Who comes by a provider gets no password by a one-time link, which would outlast the provider's hold on them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from allauth.socialaccount.models import SocialAccount
from django.test import Client
from django.utils import timezone

from chatapp.accounts.links import make_link
from chatapp.accounts.models import User
from chatapp.accounts.resting import rests
from chatapp.signon import credentials
from tests.conftest import Cast

NEW = {"new_password1": "correct horse battery", "new_password2": "correct horse battery"}


def chosen_behind_a_link(person: User) -> tuple[Client, User]:
    client = Client()
    page = client.post(make_link(person)).headers["Location"]
    client.post(page, NEW)
    return client, User.objects.get(pk=person.pk)


@pytest.mark.parametrize("how", ["came", "linked"])
def test_a_link_signs_them_in_and_gives_no_password(cast: Cast, how: str) -> None:
    cast.bob.set_unusable_password()
    if how == "came":
        cast.bob.by_provider_at = timezone.now() - timedelta(days=90)
    else:
        SocialAccount.objects.create(user=cast.bob, provider="corp", uid="x")
    cast.bob.save()
    client, bob = chosen_behind_a_link(cast.bob)
    assert client.get("/").status_code == 200
    assert not bob.has_usable_password() and rests(bob) is (how == "came")


def test_who_has_a_password_beside_it_chooses_another(cast: Cast) -> None:
    cast.bob.set_password("one that is forgotten")
    cast.bob.by_provider_at = timezone.now()
    cast.bob.save()
    _, bob = chosen_behind_a_link(cast.bob)
    assert bob.check_password(NEW["new_password1"])


def test_whose_ways_in_have_ended_begins_anew(cast: Cast) -> None:
    cast.bob.by_provider_at = timezone.now()
    cast.bob.save()
    SocialAccount.objects.create(user=cast.bob, provider="corp", uid="x")
    credentials.end_all(cast.bob, by=cast.administrator, way="moved to another organisation")
    _, bob = chosen_behind_a_link(cast.bob)
    assert bob.check_password(NEW["new_password1"])
