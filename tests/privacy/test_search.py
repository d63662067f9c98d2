"""One's own messages are found by words of which the database holds only numbers."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chatapp.accounts.models import User
from chatapp.conversations import search, services
from chatapp.conversations.models import Conversation, FoundBy, Message
from chatapp.privacy import erasure, older_texts, sealing, word_tokens
from tests.conftest import Cast, signed_in_client
from tests.privacy.test_sealed_texts import make_plain, talk


def conversation(owner: User, *texts: str, title: str = "") -> Conversation:
    home = Conversation.objects.create(owner=owner, title=title)
    rows = Message.objects.bulk_create(
        Message(conversation=home, role="user", text=text, indexed=True) for text in texts
    )
    search.index(rows)
    search.index_titles([home])
    return home


def looked_for(person: User, query: str, **more: Any) -> list[dict[str, Any]]:
    response = signed_in_client(person).get("/api/conversations/search/", {"q": query, **more})
    assert response.status_code == 200, response.content
    found: list[dict[str, Any]] = response.json()["results"]
    return found


@pytest.mark.parametrize(
    ("text", "queries", "others"),
    [
        ("Wie viele Urlaubstage habe ich?", ["urlaubstage", "URLAUB", "viele urla", "Urlaubstage viele"], ["tage"]),
        ("Die Straße nach Köln ist gesperrt.", ["strasse", "Straße", "koln", "Köln gesp"], ["nach Bonn"]),
        ("Does Anna's contract end in 2031?", ["anna", "contract 2031", "contr", "anna’s"], ["con", "20"]),
        ("我可以休假吗", ["休假"], ["假休"]),
        ("E-mail me at x_y@example.org", ["example.org", "mail me"], ["exam.com"]),
    ],
)
def test_words_are_found_as_people_type_them(cast: Cast, text: str, queries: list[str], others: list[str]) -> None:
    home = conversation(cast.alice, text, "Something else.")
    for query in queries:
        (hit,) = looked_for(cast.alice, query)
        assert hit["conversation"]["id"] == str(home.pk) and hit["snippet"] == text, query
        assert hit["marks"] and all(0 <= start < end <= len(text) for start, end in hit["marks"]), query
    for query in others:
        assert looked_for(cast.alice, query) == [], query


def test_all_words_must_stand_in_one_message_and_each_conversation_comes_once(cast: Cast) -> None:
    conversation(cast.alice, "A wombat.", "A numbat.")
    newest = conversation(cast.alice, "A wombat and a numbat.", "The numbat, again a wombat.")
    hits = looked_for(cast.alice, "wombat numbat")
    assert [hit["conversation"]["id"] for hit in hits] == [str(newest.pk)]
    assert len(looked_for(cast.alice, "wombat")) == 2 and len(looked_for(cast.alice, "wombat", limit=1)) == 1


def test_a_snippet_shows_where_in_a_long_text(cast: Cast) -> None:
    conversation(cast.alice, "before " * 300 + "the wombat\nsleeps " + "after " * 300)
    (hit,) = looked_for(cast.alice, "wombat")
    ((start, end),) = hit["marks"]
    assert hit["snippet"][start:end] == "wombat" and len(hit["snippet"]) < 250
    assert hit["snippet"].startswith("…") and hit["snippet"].endswith("…") and "\n" not in hit["snippet"]


def test_titles_are_found_also_after_a_new_name(cast: Cast) -> None:
    home = conversation(cast.alice, "Hello.", title="About wombats")
    assert looked_for(cast.alice, "wombats")[0]["message"] is None
    services.rename_conversation(conversation=home, title="About numbats")
    assert looked_for(cast.alice, "wombats") == []
    assert looked_for(cast.alice, "numb")[0]["conversation"]["title"] == "About numbats"


def test_nobody_finds_what_others_wrote(cast: Cast) -> None:
    conversation(cast.alice, "A wombat.")
    assert looked_for(cast.bob, "wombat") == looked_for(cast.administrator, "wombat") == []
    ours = word_tokens.tokens_of(cast.alice.pk, ["wombat"])
    assert not set(ours) & set(word_tokens.tokens_of(cast.bob.pk, ["wombat"]))
    stranger = signed_in_client(cast.bob)
    stranger.logout()
    assert stranger.get("/api/conversations/search/?q=wombat").status_code in (302, 401, 403, 404)


def test_a_turn_and_what_an_earlier_version_wrote_are_found(cast: Cast) -> None:
    talk(cast.alice)
    for query in ("quokkas", "wombats"):
        assert len(looked_for(cast.alice, query)) == 1
    make_plain()
    assert looked_for(cast.alice, "quokkas") == []
    older_texts.seal_some()
    assert len(looked_for(cast.alice, "wombats")) == 1


def test_what_is_deleted_or_erased_is_not_found_and_its_numbers_go(cast: Cast) -> None:
    home, other = conversation(cast.alice, "A wombat."), conversation(cast.alice, "A wombat, too.", "And more.")
    services.delete_conversation(conversation=home)
    assert len(looked_for(cast.alice, "wombat")) == 1
    other.messages.first().delete()  # type: ignore[union-attr]
    assert looked_for(cast.alice, "wombat") == []
    erasure.erase(cast.alice)
    assert not FoundBy.objects.exists()


def test_without_a_key_nothing_is_found_and_nothing_kept(cast: Cast) -> None:
    home = conversation(cast.alice, "A wombat.")
    sealing.destroy(cast.alice.pk)
    assert looked_for(cast.alice, "wombat") == []
    rows = list(home.messages.all())
    rows[0].text = "Said after it."
    search.index(rows)
    assert not FoundBy.objects.exists()


def test_a_message_that_cannot_be_opened_is_passed_over(cast: Cast) -> None:
    home = conversation(cast.alice, "A wombat.")
    conversation(cast.alice, "Another wombat.")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE conversations_message SET text = overlay(text placing 'AAAA' from 40) WHERE conversation_id = %s",
            [home.pk],
        )
    (hit,) = looked_for(cast.alice, "wombat")
    assert hit["snippet"] == "Another wombat."


def test_numbers_that_say_more_than_the_text_lead_nowhere(cast: Cast) -> None:
    home = conversation(cast.alice, "A wombat.")
    FoundBy.objects.filter(conversation=home).update(tokens=word_tokens.tokens_of(cast.alice.pk, ["numbat"]))
    assert looked_for(cast.alice, "numbat") == []


def test_no_more_is_read_than_is_shown_and_no_sources(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_STEP", 2)
    right = [conversation(cast.alice, f"Wombat {number}.") for number in range(3)]
    wrong = [conversation(cast.alice, "A numbat.") for _ in range(3)]
    wombat = word_tokens.tokens_of(cast.alice.pk, ["wombat"])
    FoundBy.objects.filter(conversation__in=wrong).update(tokens=wombat)
    for limit, steps in ((1, 2), (2, 3), (20, 4)):
        with CaptureQueriesContext(connection) as queries:
            hits = search.find(cast.alice, "wombat", limit)
        read = [one["sql"] for one in queries if "conversations_foundby" in one["sql"]]
        assert [hit.conversation for hit in hits] == right[::-1][:limit] and len(read) == steps
        assert not any("sources" in sql for sql in read)


@pytest.mark.parametrize("query", ["", "   ", "?!", "\0", "x" * 201, " ".join(f"w{n}" for n in range(13)), "\ud800"])
def test_a_query_that_cannot_be_is_refused(cast: Cast, query: str) -> None:
    client = signed_in_client(cast.alice)
    response = client.get("/api/conversations/search/", {"q": query.encode("utf-8", "surrogatepass")})
    assert response.status_code == 400 and response.json()["error"]["code"] == "invalid"
    assert client.get("/api/conversations/search/").status_code == 400
    for limit in ("0", "51", "x"):
        assert client.get("/api/conversations/search/", {"q": "a", "limit": limit}).status_code == 400


def test_a_search_takes_few_queries(cast: Cast, django_assert_max_num_queries: Any) -> None:
    for number in range(30):
        conversation(cast.alice, f"A wombat, {number}.")
    with django_assert_max_num_queries(3):
        assert len(search.find(cast.alice, "wombat")) == 20
