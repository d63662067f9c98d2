"""Files of one conversation: who reads them, what is searched, and what it waits for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client as HttpClient
from django.utils import timezone

from chatapp.accounts.keys import create_key
from chatapp.accounts.models import User
from chatapp.attachments import leaving, services
from chatapp.attachments.models import Attached
from chatapp.conversations.file_waits import WITHOUT
from chatapp.conversations.generation import Behind, limits_of_all
from chatapp.conversations.models import Conversation, Message
from chatapp.documents.search import with_places_kept
from chatapp.governance.models import AuditEntry
from chatapp.limits.models import Limit
from chatapp.organisations.services import move_person
from chatapp.safety import policy
from chatapp.safety.documents import ContentNotTakenIn
from chatapp.safety.models import FilterRule, QuarantinedDocument, WordList
from chatapp.sharing.models import Share
from retrieval.contracts import PassageHit
from retrieval.models import Collection, Document, IndexChange, Passage
from retrieval.pipeline import dead_letters
from tests.conftest import Cast, signed_in_client
from tests.conversations.attaching import QUESTION, WORDS, asked, attach, read_it, sources_in
from tests.conversations.model_double import ModelDouble
from tests.conversations.web import Client, Web, text_of
from tests.ingestion.fake_index import FakeIndex
from tests.ingestion.stages import parse_one
from tests.organisations.houses import home
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("staged")


# -- attaching ---------------------------------------------------------------------------------------------------------
def test_a_file_before_the_first_question_begins_a_conversation_that_nobody_sees_in_a_list(
    http: dict[str, HttpClient], cast: Cast
) -> None:
    answer = attach(http["alice"])
    body = answer.json()
    assert answer.status_code == 201 and body["outcome"] == "received"
    assert body["attachment"]["name"] == "annex.txt" and body["attachment"]["status"] == "received"
    assert http["alice"].get("/api/conversations/").json()["conversations"] == []
    detail = http["alice"].get(f"/api/conversations/{body['conversation']}/").json()
    assert [one["name"] for one in detail["attachments"]] == ["annex.txt"] and detail["messages"] == []
    again = attach(http["alice"], to=body["conversation"])
    assert again.status_code == 200 and again.json()["outcome"] == "duplicate"
    (line,) = AuditEntry.objects.filter(action="attachment.added").with_keys()  # what was there already came once
    assert line.actor == cast.alice and line.whole_detail["name"] == "annex.txt"
    assert "annex" not in str(line.detail) and str(body["conversation"]) in line.subject


def test_its_first_question_gives_it_a_name_and_a_place_in_the_list(
    alice: Client, model: ModelDouble, attached: dict[str, Any]
) -> None:
    with alice.socket() as socket:
        accepted = socket.ask(QUESTION, conversation=attached["conversation"])
        socket.until("done")
    assert accepted["conversation"] == attached["conversation"] and accepted["title"] == QUESTION
    (row,) = alice.get("/api/conversations/").json()["conversations"]
    assert row["title"] == QUESTION
    found = alice.get("/api/conversations/search/?q=Quastenflosser").json()["results"]
    assert [one["conversation"]["id"] for one in found] == [attached["conversation"]]


def test_limits_are_told_with_what_to_do(http: dict[str, HttpClient], settings: Any) -> None:
    settings.ATTACHMENTS_PER_CHAT, settings.ATTACHMENT_BYTES = 1, 1_000_000
    home = attach(http["alice"]).json()["conversation"]
    many = attach(http["alice"], b"other", to=home)
    assert many.status_code == 409 and many.json()["error"]["code"] == "too_many_attachments"
    assert many.json()["error"]["advice"] and Document.objects.count() == 1
    large = attach(http["alice"], b"x" * 1_000_001)
    assert large.status_code == 413 and large.json()["error"]["message"].endswith("1 MB at most.")
    none = http["alice"].post("/api/attachments/", {})
    assert none.status_code == 400 and none.json()["error"]["code"] == "invalid"
    odd = attach(http["alice"], temporary="yes")
    assert odd.status_code == 400
    settings.ATTACHMENTS_PER_CHAT = 0
    off = attach(http["alice"], b"third")
    assert off.status_code == 403 and off.json()["error"]["code"] == "attachments_off"
    assert Conversation.objects.count() == 1  # what is refused begins none


def test_the_files_of_one_person_are_bounded_in_all_chats_together(http: dict[str, HttpClient], settings: Any) -> None:
    settings.ATTACHMENTS_BYTES_PER_PERSON = 2 * services.LEAST_BYTES
    homes = [attach(http["alice"]).json()["conversation"] for _ in range(2)]
    assert attach(http["alice"], b"").status_code == 409  # one that is empty has to be read too
    full = attach(http["alice"], b"more")
    assert full.status_code == 409 and full.json()["error"]["code"] == "attachments_full"
    assert full.json()["error"]["advice"] and Conversation.objects.count() == 2
    assert attach(http["alice"], to=homes[0]).json()["outcome"] == "duplicate"  # it takes no room
    assert attach(http["bob"]).status_code == 201  # another person's are their own matter
    assert http["alice"].delete(f"/api/conversations/{homes[0]}/").status_code == 204
    assert attach(http["alice"], b"more").status_code == 409  # its bytes are still there
    assert leaving.sweep() == 1
    assert attach(http["alice"], b"more").status_code == 201


def test_files_that_were_left_in_another_organisation_take_no_room(cast: Cast, settings: Any) -> None:
    settings.ATTACHMENTS_BYTES_PER_PERSON = 2 * services.LEAST_BYTES
    for number in range(2):
        attach(signed_in_client(cast.alice), b"%d" % number)
    move_person(cast.alice, home("acme").organisation, by=cast.administrator)
    moved = User.objects.get(pk=cast.alice.pk)
    assert [attach(signed_in_client(moved), b"new %d" % number).status_code for number in range(3)] == [201, 201, 409]


def test_files_that_come_to_several_chats_at_once_are_counted_together(cast: Cast, settings: Any) -> None:
    settings.ATTACHMENTS_BYTES_PER_PERSON = 2 * services.LEAST_BYTES
    ready = threading.Barrier(4, timeout=20)

    def one(_: int) -> str:
        try:
            ready.wait()
            services.attach(user=cast.alice, conversation=None, name="a.txt", content=BytesIO(WORDS), size=len(WORDS))
        except services.AttachmentsFull as error:
            return error.code
        finally:
            connection.close()
        return "taken"

    with ThreadPoolExecutor(4) as pool:
        outcomes = sorted(pool.map(one, range(4)))
    assert outcomes == ["attachments_full", "attachments_full", "taken", "taken"]


def test_uploads_that_come_too_often_are_refused(http: dict[str, HttpClient], settings: Any) -> None:
    Limit.objects.create(resource="uploads", amount=1, seconds=3600)
    assert attach(http["alice"]).status_code == 201
    refused = attach(http["alice"], b"second")
    assert refused.status_code == 429 and refused.json()["error"]["retry_after_s"] > 0


def test_a_large_body_is_taken_of_people_at_the_pages_alone(alice: Client, cast: Cast, web: Web) -> None:
    content = b"A sentence that is not the same. " * 100_000  # 3.3 MB: more than other bodies may have
    headers = alice.csrf()
    taken = alice.http.post("/api/attachments/", files={"file": ("long.txt", content)}, headers=headers)
    assert taken.status_code == 201, taken.text
    key = create_key(user=cast.alice, name="program")
    bearer = {"Authorization": f"Bearer {key}", "Accept": "application/json"}
    refused = httpx.post(f"{web.url}/api/attachments/", files={"file": ("long.txt", content)}, headers=bearer)
    assert refused.status_code == 413


def test_a_file_can_be_taken_away_again(http: dict[str, HttpClient], attached: dict[str, Any]) -> None:
    address = f"/api/conversations/{attached['conversation']}/attachments/"
    assert http["alice"].get(address).json()["attachments"][0]["status"] == "ready"
    assert http["alice"].delete(f"{address}{attached['document']}/").status_code == 204
    assert http["alice"].get(address).json()["attachments"] == []
    assert http["alice"].delete(f"{address}{attached['document']}/").status_code == 404
    assert not Passage.objects.filter(document__collection__attached=True).exists()
    assert IndexChange.objects.filter(kind="remove", document_id=attached["document"]).exists()
    assert AuditEntry.objects.filter(action="attachment.removed").count() == 1


# -- who reads it ------------------------------------------------------------------------------------------------------
def test_its_owner_reads_the_passage_and_the_original_and_nobody_else_finds_any_of_it(
    http: dict[str, HttpClient], cast: Cast, attached: dict[str, Any]
) -> None:
    (passage,) = Passage.objects.filter(document=attached["document"])
    home, document = attached["conversation"], attached["document"]
    addresses = [
        f"/api/passages/{passage.pk}/",
        f"/documents/{document}/file/",
        f"/api/conversations/{home}/attachments/",
        f"/api/conversations/{home}/",
    ]
    for address in addresses:
        assert http["alice"].get(address).status_code == 200, address
        for name in ("bob", "charlie", "administrator"):
            assert http[name].get(address).status_code == 404, (name, address)
        assert HttpClient().get(address).status_code in (302, 401), address
    shown = http["alice"].get(addresses[0]).json()["document"]
    assert shown["attached"] is True and shown["collection"] == ""
    for name in ("bob", "charlie", "administrator"):
        assert attach(http[name], to=home).status_code == 404
        assert http[name].delete(f"/api/conversations/{home}/attachments/{document}/").status_code == 404
    assert Document.objects.filter(pk=document).exists()


def test_it_stands_in_no_list_whoever_asks(http: dict[str, HttpClient], cast: Cast, attached: dict[str, Any]) -> None:
    document, collection = attached["document"], Attached.objects.get().collection
    for name, client in http.items():
        told = [
            client.get("/api/collections/").content,
            client.get("/api/scope/").content,
            client.get("/documents/").content,
            client.get("/").content,
            client.get("/api/ingestion/").content,
        ]
        assert not any(word in page for page in told for word in (b"annex", b"Quastenflosser", document.encode())), name
        for address in (
            f"/api/documents/{document}/",
            f"/documents/{document}/",
            f"/documents/{document}/readers/",
            f"/documents/{document}/passages/",
            f"/api/collections/{collection.pk}/",
            f"/api/collections/{collection.pk}/documents/",
        ):
            assert client.get(address).status_code == 404, (name, address)
    for address in ("/admin/retrieval/document/", "/admin/retrieval/collection/"):
        page = http["administrator"].get(address)
        assert page.status_code == 200 and b"annex" not in page.content and b"attached to" not in page.content
        assert http["administrator"].get(f"{address}{document}/change/").status_code in (302, 404)


def test_a_key_of_its_owner_opens_none_of_it(cast: Cast, attached: dict[str, Any]) -> None:
    key = create_key(user=cast.alice, name="program")
    client = HttpClient(headers={"Authorization": f"Bearer {key}"})
    (passage,) = Passage.objects.filter(document=attached["document"])
    home = attached["conversation"]
    for address in (
        f"/api/passages/{passage.pk}/",
        f"/documents/{attached['document']}/file/",
        f"/api/conversations/{home}/attachments/",
    ):
        assert client.get(address).status_code in (401, 404), address
    assert attach(client, to=home).status_code in (401, 404) and attach(client).status_code in (401, 404)
    assert Document.objects.filter(collection__attached=True).count() == 1


def test_somebody_who_moves_to_another_organisation_leaves_it_behind(
    http: dict[str, HttpClient], cast: Cast, attached: dict[str, Any]
) -> None:
    (passage,) = Passage.objects.filter(document=attached["document"])
    User.objects.filter(pk=cast.alice.pk).update(organisation_since=timezone.now())
    cast.alice.refresh_from_db()
    client = signed_in_client(cast.alice)
    assert client.get(f"/api/passages/{passage.pk}/").status_code == 404
    assert client.get(f"/documents/{attached['document']}/file/").status_code == 404


# -- asking ------------------------------------------------------------------------------------------------------------
def test_questions_of_its_conversation_find_it_and_those_of_another_do_not(
    alice: Client, model: ModelDouble, index: FakeIndex, attached: dict[str, Any]
) -> None:
    model.words = ["90 kilograms [3]."]  # the double finds it behind the two of the handbook
    collection = str(Attached.objects.get().collection_id)
    frames = asked(alice, attached["conversation"])
    (first,) = (one for one in sources_in(frames) if one["document"].get("attached"))
    assert first["document"] == {
        "id": attached["document"], "name": "annex.txt", "collection": "", "attached": True,
    }  # fmt: skip
    both, own = sorted((one["collections"] for one in index.searches), key=len, reverse=True)
    assert collection in both and len(both) == 2 and own == [collection]
    (cited,) = alice.message(frames[0])["citations"]
    assert "90 kilograms" in cited["quote"]
    index.searches.clear()
    # The double finds it again, as an index that is behind might: it is checked again here.
    other = asked(alice, None)
    assert all(collection not in one["collections"] for one in index.searches)
    assert not any(one["document"].get("attached") for one in sources_in(other)) and sources_in(other)


def test_it_is_searched_whatever_the_question_is_narrowed_to(
    alice: Client, model: ModelDouble, index: FakeIndex, attached: dict[str, Any]
) -> None:
    frames = asked(alice, attached["conversation"], filters={"types": ["application/pdf"]})
    assert any(one["document"].get("attached") for one in sources_in(frames))
    narrowed, own = sorted((one for one in index.searches), key=lambda one: -len(one["collections"]))
    assert narrowed["media_types"] == ["application/pdf"] and own["media_types"] == []


def test_half_of_the_places_are_for_what_was_attached() -> None:
    every = [PassageHit(passage_id=n, score=1 - n / 10, dense=0, lexical=0) for n in range(6)]
    own = [PassageHit(passage_id=n, score=0.2, dense=0, lexical=0) for n in (4, 20, 21, 22)]
    found = with_places_kept(6, every, own)
    assert [hit.passage_id for hit in found] == [0, 1, 2, 4, 20, 21] and found[3].score == every[4].score
    assert [hit.passage_id for hit in with_places_kept(6, every, [])] == [0, 1, 2, 3, 4, 5]
    assert [hit.passage_id for hit in with_places_kept(1, every, own)] == [4]


def test_a_question_waits_for_a_file_on_its_way_and_says_so(
    alice: Client, http: dict[str, HttpClient], model: ModelDouble, index: FakeIndex
) -> None:
    model.words = ["90 kilograms [1]."]
    home = attach(http["alice"]).json()["conversation"]
    with alice.socket() as socket:
        socket.ask(QUESTION, conversation=home)
        stages: list[str] = []
        while "files" not in stages:
            frame = socket.next_of_turn()
            stages += [frame["stage"]] if frame["type"] == "stage" else []
        read_it(index)
        frames = socket.until("done", 20)
    assert any(one["document"].get("attached") for one in sources_in(frames))
    assert not any(frame.get("note") for frame in frames if frame["type"] == "writer")


@pytest.fixture
def hasty(cast: Cast, handbook: Document, index: FakeIndex, model: ModelDouble, tmp_path: Path) -> Iterator[Client]:
    """Alice at a web process that waits for files for a second."""
    process = Web(tmp_path, index.url, model.url, CHATAPP_ATTACHMENT_WAIT="1")
    process.start()
    yield Client(process, cast.alice)
    process.end()


def test_a_file_that_takes_long_is_left_out_with_a_note(
    hasty: Client, http: dict[str, HttpClient], model: ModelDouble
) -> None:
    model.words = ["28 days [1]."]
    home = attach(http["alice"]).json()["conversation"]
    frames = asked(hasty, home)
    assert text_of(frames) == "28 days [1]." and not any(one["document"].get("attached") for one in sources_in(frames))
    notes = [frame["note"] for frame in frames if frame["type"] == "writer"]
    assert notes == [WITHOUT] and hasty.message(frames[0])["written_by"][0]["note"] == WITHOUT


def test_what_goes_on_with_its_passages_waits_for_no_file(
    alice: Client, http: dict[str, HttpClient], model: ModelDouble
) -> None:
    frames = asked(alice, None)
    attach(http["alice"], to=frames[0]["conversation"])  # on its way, and nobody reads it
    Message.objects.filter(pk=frames[0]["answer"]).update(status="interrupted")
    with alice.socket() as socket:
        socket.send({"type": "continue", "id": "c", "message": frames[0]["answer"]})
        went_on = socket.until("done", 10)
    assert went_on[-1]["status"] == "complete" and not any(frame.get("stage") == "files" for frame in went_on)


def test_a_wait_can_be_stopped(alice: Client, http: dict[str, HttpClient], model: ModelDouble) -> None:
    home = attach(http["alice"]).json()["conversation"]
    with alice.socket() as socket:
        accepted = socket.ask(QUESTION, conversation=home)
        while socket.next_of_turn().get("stage") != "files":
            pass
        socket.send({"type": "stop", "turn": accepted["turn"]})
        assert socket.until("done")[-1]["status"] == "stopped"


def test_what_could_not_be_read_is_waited_for_by_nobody(
    alice: Client, http: dict[str, HttpClient], model: ModelDouble, handbook: Document
) -> None:
    home = attach(http["alice"], b"%PDF-1.7 broken", "broken.pdf").json()["conversation"]
    parse_one()
    (shown,) = http["alice"].get(f"/api/conversations/{home}/attachments/").json()["attachments"]
    assert shown["status"] == "failed" and shown["error"]
    frames = asked(alice, home)
    assert not any(frame.get("stage") == "files" for frame in frames)
    assert dead_letters.reasons() == [] and dead_letters.retry_failed() == 0  # it is its owner's alone


def test_an_answer_ends_when_its_file_is_taken_away(
    alice: Client, http: dict[str, HttpClient], model: ModelDouble, attached: dict[str, Any]
) -> None:
    model.words = ["90 ", "kilograms ", "[1]."]
    model.gate.clear()
    with alice.socket() as socket:
        socket.ask(QUESTION, conversation=attached["conversation"])
        wait_until(lambda: model.writing > 0, 10)
        address = f"/api/conversations/{attached['conversation']}/attachments/{attached['document']}/"
        assert http["alice"].delete(address).status_code == 204
        frames = socket.until("done")
    assert [frame["code"] for frame in frames if frame["type"] == "error"] == ["access_lost"]


# -- never for anybody else --------------------------------------------------------------------------------------------
def test_nothing_of_it_is_kept_for_others_or_for_other_conversations(
    alice: Client, client_of: Callable[[Any], Client], cast: Cast, model: ModelDouble, attached: dict[str, Any]
) -> None:
    model.words = ["90 kilograms [1]."]
    asked(alice, attached["conversation"])
    for client in (alice, client_of(cast.bob)):
        model.words = ["28 days [1]."]
        assert "90" not in text_of(asked(client, None))
    assert len(model.calls) == 2  # bob is given alice's second answer, never the first one


def test_a_share_shows_nothing_that_rests_on_it(
    alice: Client, http: dict[str, HttpClient], cast: Cast, model: ModelDouble, attached: dict[str, Any]
) -> None:
    model.words = ["90 kilograms [1]."]
    frames = asked(alice, attached["conversation"])
    given = http["alice"].post(
        f"/api/conversations/{attached['conversation']}/shares/",
        {"person": cast.bob.username, "message": frames[0]["answer"]},
        content_type="application/json",
    )
    assert given.status_code in (200, 201), given.content
    page = http["bob"].get("/shared/").content.decode()
    assert "90 kilograms" not in page
    read = http["bob"].get(f"/shared/{Share.objects.get().pk}/").content.decode()
    assert QUESTION in read and "90 kilograms" not in read and "annex" not in read


def test_a_copy_may_be_of_what_must_stay_so_it_stays_as_well(
    cast: Cast, attached: dict[str, Any], settings: Any
) -> None:
    behind = Behind(cast.alice, frozenset({Document.objects.get(pk=attached["document"]).pk}))
    assert not limits_of_all([behind])[0].in_house
    marked = Collection.objects.create(name="Vault", stays_in_house=True)
    assert not limits_of_all([behind])[0].in_house  # she cannot have it from there
    marked.readers.set(Group.objects.all())
    assert limits_of_all([behind])[0].in_house
    marked.delete()
    settings.ATTACHMENTS_STAY_IN_HOUSE = True
    assert limits_of_all([behind])[0].in_house


def test_the_rules_for_content_hold_and_nobody_is_to_be_waited_for(http: dict[str, HttpClient]) -> None:
    words = WordList.objects.create(name="Fish", terms="Quastenflosser")
    rule = FilterRule.objects.create(what="words", words=words, where="documents", action="hold")
    home = attach(http["alice"]).json()["conversation"]
    policy.forget()
    parse_one()
    (shown,) = http["alice"].get(f"/api/conversations/{home}/attachments/").json()["attachments"]
    assert shown["status"] == "failed" and "administrator" not in shown["error"]
    assert not Passage.objects.exists()
    page = http["administrator"].get("/admin/safety/quarantineddocument/")
    assert page.status_code == 200 and b"annex" not in page.content
    assert QuarantinedDocument.objects.count() == 1
    rule.action = "block"
    rule.save()
    other = attach(http["bob"]).json()["conversation"]
    policy.forget()
    parse_one()
    (shown,) = http["bob"].get(f"/api/conversations/{other}/attachments/").json()["attachments"]
    assert shown["status"] == "failed" and Document.objects.filter(error_code=ContentNotTakenIn.code).exists()
