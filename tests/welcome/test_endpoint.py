"""The second step: an endpoint that is asked once, and then stands where the chat page asks it."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from chatapp.governance.models import AuditEntry
from chatapp.welcome import endpoint
from inference.models import Candidate, ModelVersion, Route
from tests.conftest import Cast
from tests.provider_double import Provider, Reply
from tests.welcome.pages import ROOT, plain, states, text_of

PAGE = f"{ROOT}model/endpoint/"
KEY = "sk-a-key-that-nobody-keeps"


def post(admin: Client, do: str, provider: Provider, **fields: str) -> str:
    given = {"do": do, "base_url": provider.url, "model": "gamma", **fields}
    return plain(admin.post(PAGE, given, follow=True).content)


def test_it_is_asked_once_with_the_key_that_was_typed_which_nobody_keeps(
    admin: Client, provider: Provider, cast: Cast
) -> None:
    answer = admin.post(PAGE, {"do": "test", "base_url": provider.url, "model": "gamma", "key": KEY})
    page = plain(answer.content)
    assert "It answered in" in page and "Nine days a year" in page
    assert len(provider.calls) == 1 and provider.calls[0]["model"] == "gamma"
    assert provider.asked[0].headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in answer.content.decode() and not ModelVersion.objects.exists()
    line = AuditEntry.objects.get(action="endpoint.tested")
    assert (line.actor, line.detail["answered"]) == (cast.administrator, True) and KEY not in str(line.detail)
    assert KEY not in str(dict(admin.session))


def test_the_key_of_a_setting_is_used_where_none_is_typed(admin: Client, provider: Provider, settings: Any) -> None:
    settings.INFERENCE = replace(settings.INFERENCE, keys={"INFERENCE_KEY_GAMMA": KEY})
    assert "It answered" in post(admin, "test", provider, key_name="INFERENCE_KEY_GAMMA")
    assert provider.asked[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        ("401", "It refuses the key. Check the key"),
        ("403", "It does not let this key ask."),
        ("404", "It has no such address, or no model of that name. The address ends with /v1"),
        ("429", "It is asked too often"),
        ("402", "no credit left"),
        ("418", "It refuses the request (status 418)"),
        ("500", "It failed itself (status 500). Look at its log."),
        ("garbage", "something that is not an answer. Check the address"),
    ],
)
def test_what_does_not_answer_is_said_with_what_to_do_and_asked_once(
    admin: Client, provider: Provider, act: str, sentence: str
) -> None:
    provider.script = [act]
    page = post(admin, "test", provider, key=KEY)
    assert sentence in page and "It answered" not in page
    assert len(provider.calls) == 1 and not ModelVersion.objects.exists()
    assert AuditEntry.objects.get(action="endpoint.tested").detail["answered"] is False


def test_a_key_that_was_typed_is_not_taken_for_kept(admin: Client, provider: Provider) -> None:
    assert "Name the setting that will hold it" in post(admin, "test", provider, key=KEY)
    assert "the one that was typed is not kept" in post(admin, "add", provider, key=KEY)
    assert not ModelVersion.objects.exists()
    post(admin, "add", provider, key=KEY, key_name="INFERENCE_KEY_GAMMA")
    assert KEY not in str(ModelVersion.objects.values())


def test_what_repeats_the_key_does_not_bring_it_onto_the_page(admin: Client, provider: Provider) -> None:
    provider.script = [Reply(401, {"error": {"message": f"Incorrect API key provided: {KEY}"}})]
    assert KEY not in post(admin, "test", provider, key=KEY)


def test_silence_is_bounded(admin: Client, provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "_PATIENCE_S", 0.5)
    provider.script = ["silence"]
    begun = time.monotonic()
    page = post(admin, "test", provider)
    assert time.monotonic() - begun < 4 and "It answered" not in page


def test_where_nobody_listens(admin: Client) -> None:
    answer = admin.post(PAGE, {"do": "test", "base_url": "http://127.0.0.1:1/v1", "model": "gamma"})
    assert "could not be reached" in plain(answer.content)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"base_url": "ftp://models.example.com"}, "such as https://api.example.com/v1"),
        ({"base_url": "https://me:secret@models.example.com/v1"}, "holds no name or password"),
        ({"base_url": "https://models.example.com/v1?x=1"}, "ends before any ?"),
        ({"base_url": "file:///etc/passwd"}, "such as https://api.example.com/v1"),
        ({"model": ""}, "This field is required"),
        ({"key_name": "CHATAPP_SECRET_KEY"}, "It begins with INFERENCE_KEY_"),
    ],
)
@pytest.mark.parametrize("do", ["test", "add"])
def test_what_is_no_endpoint_is_neither_asked_nor_added(
    admin: Client, provider: Provider, do: str, fields: dict[str, str], sentence: str
) -> None:
    assert sentence in post(admin, do, provider, **fields)
    assert provider.calls == [] and not ModelVersion.objects.exists()


def test_it_follows_nobody_elsewhere(admin: Client, provider: Provider, endpoints: Any) -> None:
    other = endpoints.new()
    provider.script = [Reply(307, None, {"Location": f"{other.url}/chat/completions"})]
    assert "It answered" not in post(admin, "test", provider)
    assert other.calls == []


def test_what_is_added_is_asked_by_the_chat_page_and_the_step_is_done(
    admin: Client, provider: Provider, cast: Cast
) -> None:
    page = post(admin, "add", provider, name="House model", where="inside")
    assert "house-model is added. The chat page asks it. What it is asked stays here." in page
    version, route = ModelVersion.objects.get(), Route.objects.get()
    assert (version.name, version.outside, version.key_name) == ("house-model", False, "")
    assert route.default and [one.version for one in route.candidates.all()] == [version]
    assert states(admin)[1] == "done"
    actions = AuditEntry.objects.filter(actor=cast.administrator).values_list("action", flat=True)
    assert {"model.added", "route.added"} <= set(actions)


def test_an_address_of_the_world_is_outside_unless_somebody_says_otherwise(admin: Client) -> None:
    given = {"do": "add", "base_url": "https://models.example.com/v1", "model": "gamma"}
    assert "leaves the house" in plain(admin.post(PAGE, given, follow=True).content)
    assert ModelVersion.objects.get().outside


def test_without_its_key_it_is_not_said_to_be_done(admin: Client, provider: Provider, settings: Any) -> None:
    post(admin, "add", provider, key_name="INFERENCE_KEY_GAMMA")
    assert states(admin)[1] == "open" and "INFERENCE_KEY_GAMMA is not set yet" in text_of(admin, "model/")
    settings.INFERENCE = replace(settings.INFERENCE, keys={"INFERENCE_KEY_GAMMA": KEY})
    assert states(admin)[1] == "done"


def test_it_goes_before_the_local_model_and_behind_what_a_route_names(
    admin: Client, provider: Provider, tmp_path: Any
) -> None:
    file = tmp_path / "local.gguf"
    file.write_bytes(b"GGUF")
    local = ModelVersion.objects.create(name="local", path=str(file), default=True)
    assert "asks it first, then local" in post(admin, "add", provider)
    assert list(Candidate.objects.values_list("version__name", "position")) == [("gamma", 1), ("local", 2)]
    assert "behind local" in post(admin, "add", provider, name="delta")
    assert Candidate.objects.order_by("position").last().version.name == "delta"  # type: ignore[union-attr]
    assert Route.objects.count() == 1 and local.candidates.count() == 1
    shown = admin.get(f"{ROOT}model/").content.decode()
    in_turn = shown[shown.index('<ol class="plain">') : shown.index("</ol>", shown.index('<ol class="plain">'))]
    assert [name for name in in_turn.replace("<", ">").split(">") if name in ("gamma", "local", "delta")] == [
        "gamma",
        "local",
        "delta",
    ]


def test_the_endpoint_of_the_settings_is_not_put_aside(admin: Client, provider: Provider, settings: Any) -> None:
    settings.INFERENCE = replace(settings.INFERENCE, api_base_url="https://models.example.com/v1", api_model="far")
    assert "goes on asking the endpoint of the settings" in post(admin, "add", provider)
    assert not Route.objects.exists() and ModelVersion.objects.count() == 1


def test_what_stands_on_the_route_and_is_asked_no_more_is_not_named(
    admin: Client, provider: Provider, tmp_path: Any
) -> None:
    (tmp_path / "local.gguf").write_bytes(b"GGUF")
    ModelVersion.objects.create(name="local", path=str(tmp_path / "local.gguf"), default=True)
    old = ModelVersion.objects.create(name="old", path="/nowhere/old.gguf", state=ModelVersion.State.RETIRED)
    route = Route.objects.create(name="page", default=True)
    Candidate.objects.create(route=route, version=old, position=4)
    assert "asks it first, then local" in post(admin, "add", provider)
    placed = [("old", 4), ("gamma", 5), ("local", 6)]
    assert list(Candidate.objects.order_by("position").values_list("version__name", "position")) == placed


def test_a_name_that_is_taken_adds_nothing(admin: Client, provider: Provider) -> None:
    ModelVersion.objects.create(name="gamma", path="/nowhere/gamma.gguf")
    assert "Another model has this name" in post(admin, "add", provider)
    assert ModelVersion.objects.count() == 1 and not Route.objects.exists()


def test_an_old_sign_in_neither_tests_nor_adds(admin: Client, provider: Provider) -> None:
    session = admin.session
    session["signed_in_at"] = time.time() - 601
    session.save()
    for do in ("test", "add"):
        answer = admin.post(PAGE, {"do": do, "base_url": provider.url, "model": "gamma", "key": KEY})
        assert answer.headers["Location"].startswith("/accounts/again/")
    assert provider.calls == [] and not ModelVersion.objects.exists() and KEY not in str(dict(admin.session))


def test_it_is_not_tested_without_end(admin: Client, provider: Provider) -> None:
    pages = [post(admin, "test", provider) for _ in range(11)]
    assert "too often" in pages[-1] and len(provider.calls) == 10
