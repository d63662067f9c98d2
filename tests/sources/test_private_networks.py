"""The networks of RETRIEVAL_SOURCE_NETWORKS are for sources of administrators: a curator's reads public pages alone."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from chatapp.roles.models import Role
from chatapp.roles.services import appoint
from retrieval.models import Collection, Document
from retrieval.sources.models import Source
from tests.conftest import Cast, signed_in_client
from tests.sources.conftest import Run
from tests.sources.site import Site
from tests.sources.test_web import page


@pytest.fixture
def wards(cast: Cast) -> Collection:
    wards = Collection.objects.create(name="Wards")
    appoint(role=Role.CURATOR, to=cast.bob, collection=wards, by=cast.administrator)
    return wards


@pytest.fixture
def intranet(site: Site) -> str:
    site.put("/", page("What only the house knows."))
    site.put("/other", page("More of it."))
    return site.address


def make(client: Client, wards: Collection, address: str, **more: Any) -> Any:
    settings = {"start": [f"{address}/"], "milliseconds_between": 0}
    body = {"name": "News", "collection": str(wards.pk), "kind": "web", "settings": settings} | more
    return client.post("/api/sources/", body, content_type="application/json")


def change(client: Client, **fields: Any) -> Any:
    address = f"/api/sources/{Source.objects.get().pk}/"
    return client.patch(address, fields, content_type="application/json")


def test_a_curators_source_does_not_reach_them(
    cast: Cast, wards: Collection, intranet: str, site: Site, run: Run
) -> None:
    made = make(signed_in_client(cast.bob), wards, intranet)
    assert made.status_code == 201 and made.json()["source"]["private_networks"] is False
    failed = run(Source.objects.get())
    assert failed.outcome == "failed" and "private network" in failed.error
    assert not site.asked and not Document.objects.exists()


def test_an_administrators_does(cast: Cast, wards: Collection, intranet: str, run: Run) -> None:
    make(signed_in_client(cast.administrator), wards, intranet)
    assert run(Source.objects.get()).outcome == "done" and Document.objects.count() == 1


def test_a_curator_who_points_it_elsewhere_takes_that_away(
    cast: Cast, wards: Collection, intranet: str, site: Site, run: Run
) -> None:
    make(signed_in_client(cast.administrator), wards, intranet)
    bob = signed_in_client(cast.bob)
    assert change(bob, every_minutes=60).json()["source"]["private_networks"] is True, "the addresses are the same"
    elsewhere = {"start": [f"{intranet}/other"], "milliseconds_between": 0}
    assert change(bob, settings=elsewhere).json()["source"]["private_networks"] is False
    assert run(Source.objects.get()).outcome == "failed" and not site.asked


def test_only_an_administrator_says_so(cast: Cast, wards: Collection, intranet: str, run: Run) -> None:
    bob, administrator = signed_in_client(cast.bob), signed_in_client(cast.administrator)
    assert make(bob, wards, intranet, private_networks=True).status_code == 404 and not Source.objects.exists()
    make(bob, wards, intranet)
    assert change(bob, private_networks=True).status_code == 404
    assert change(administrator, every_minutes=60).json()["source"]["private_networks"] is False, "nobody said so"
    assert change(administrator, private_networks="yes").status_code == 400
    assert change(administrator, private_networks=True).json()["source"]["private_networks"] is True
    assert run(Source.objects.get()).outcome == "done"


@pytest.mark.parametrize(("person", "offered"), [("bob", False), ("administrator", True)])
def test_the_form_offers_it_to_administrators_alone(
    cast: Cast, wards: Collection, intranet: str, person: str, offered: bool
) -> None:
    client = signed_in_client(getattr(cast, person))
    address = "/admin/sources/source/add/?kind=web"
    assert ('name="private_networks"' in client.get(address).content.decode()) is offered
    form = {"name": "News", "collection": wards.pk, "private_networks": "on", "set_start": f"{intranet}/"}
    numbers = {"set_depth": 0, "set_most_pages": 10, "set_milliseconds_between": 0}
    assert client.post(address, form | numbers).status_code == 302
    assert Source.objects.get().private_networks is offered
