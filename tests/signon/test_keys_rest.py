"""A sign-in at the provider is what lets a key that rests work again; being refused there is none."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
from django.utils import timezone

from chatapp.accounts.keys import create_key
from chatapp.accounts.models import User
from tests.signon.conftest import House

pytestmark = pytest.mark.django_db(transaction=True)


def opens(house: House, key: str) -> bool:
    bearer = {"Authorization": f"Bearer {key}", "Accept": "application/json"}
    return httpx.get(f"{house.address}/api/collections/", headers=bearer, timeout=20).status_code == 200


def test_a_sign_in_there_wakes_the_key_and_a_refused_one_does_not(house: House) -> None:
    house.browser().sign_in()
    key = create_key(user=User.objects.get(), name="nightly")
    assert opens(house, key)
    User.objects.update(by_provider_at=timezone.now() - timedelta(days=31))
    assert not opens(house, key)
    house.provider(required_groups=("board",))
    assert house.browser().sign_in().status_code == 403
    assert not opens(house, key)
    house.provider()
    house.browser().sign_in()
    assert opens(house, key)
