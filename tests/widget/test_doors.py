"""Doors of widgets over HTTP: what strangers are shown, by which pages, and what looks the same."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from chatapp.errors import Invalid
from chatapp.organisations.models import Organisation
from chatapp.widget import services, tickets
from chatapp.widget.errors import TooOld
from chatapp.widget.models import Widget
from chatapp.widget.origins import MOST, origin_of, origins_of
from tests.conftest import Cast, signed_in_client
from tests.widget.conftest import PAGE

ADDRESS = "/widget/frame/{}/?from={}"


def test_the_frame_is_for_the_pages_of_the_list_and_holds_nothing_of_anybody(client: Client, widget: Widget) -> None:
    widget.origins = f"{PAGE}\nhttps://wiki.example.com:8443"
    widget.title, widget.greeting = "<b>Ask</b>", "Hello & welcome"
    widget.save()
    answer = client.get(ADDRESS.format(widget.key, PAGE))
    policy = dict(part.split(" ", 1) for part in answer["Content-Security-Policy"].split("; "))
    assert policy["frame-ancestors"] == f"{PAGE} https://wiki.example.com:8443"
    assert policy["script-src"] == "'self'" and policy["default-src"] == "'none'"
    assert "X-Frame-Options" not in answer and "no-store" in answer["Cache-Control"]
    assert not answer.cookies, "a frame on another site could keep none"
    assert "&lt;b&gt;Ask&lt;/b&gt;" in answer.text and "Hello &amp; welcome" in answer.text
    assert "Handbook" not in answer.text and "style=" not in answer.text and "onclick" not in answer.text


def test_what_is_not_for_a_page_looks_like_what_is_not_there(client: Client, widget: Widget, cast: Cast) -> None:
    def shown(key: str, origin: str) -> tuple[int, str, str]:
        answer = client.get(ADDRESS.format(key, origin))
        text = re.sub(r"[\w-]*csrf[^>]*", "", answer.text)
        return answer.status_code, text, answer["Content-Security-Policy"]

    absent = shown("w-no-such-key", PAGE)
    assert absent[0] == 404 and "frame-ancestors 'none'" in absent[2]
    others = [
        shown(widget.key, origin)
        for origin in (
            "",
            "https://evil.example.com",
            "http://intranet.example.com",
            f"{PAGE}.evil.com",
            f"{PAGE}/",
            "*",
        )
    ]
    services.switch_off(widget, by=cast.administrator)
    others.append(shown(widget.key, PAGE))
    Widget.objects.update(is_on=True)
    old = widget.key
    services.renew_key(widget, by=cast.administrator)
    others.append(shown(old, PAGE))
    assert client.get(ADDRESS.format(widget.key, PAGE)).status_code == 200
    closed = Organisation.objects.create(name="Acme", slug="acme", is_active=False)
    Widget.objects.update(organisation=closed)
    others.append(shown(widget.key, PAGE))
    assert {one for one in others} == {absent}


def test_every_other_page_is_framed_by_nobody(widget: Widget, cast: Cast) -> None:
    alice = signed_in_client(cast.alice)
    for address in ("/", "/accounts/login/", "/widget/done/", "/documents/", "/accounts/keys/"):
        answer = alice.get(address)
        assert "frame-ancestors 'none'" in answer["Content-Security-Policy"], address
        assert answer["X-Frame-Options"] == "DENY", address


def test_the_script_is_for_every_page_and_for_nobody_in_particular(client: Client) -> None:
    answer = client.get("/widget.js")
    assert answer["Content-Type"].startswith("text/javascript") and not answer.cookies
    assert answer["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "document.currentScript" in answer.text
    assert not re.search(r"fetch\(|XMLHttpRequest|innerHTML|eval\(|document\.cookie|Storage", answer.text)
    assert len(answer.content) < 8_000


def test_where_signing_in_ends_is_behind_signing_in(client: Client, cast: Cast) -> None:
    assert client.get("/widget/done/")["Location"].startswith("/accounts/login/?next=/widget/done/")
    assert "You are signed in" in signed_in_client(cast.alice).get("/widget/done/").text


def test_a_ticket_ends_and_cannot_be_changed(widget: Widget, monkeypatch: pytest.MonkeyPatch) -> None:
    ticket = tickets.issue(widget, PAGE)
    assert re.fullmatch(r"[\w.-]+", ticket), "it is a subprotocol"
    read = tickets.read(ticket)
    assert read is not None and (read.widget, read.key, read.origin) == (widget.pk, widget.key, PAGE)
    assert tickets.read(ticket[:-1] + ("A" if ticket[-1] != "A" else "B")) is None
    assert tickets.read("x" + ticket) is None
    assert tickets.among([tickets.SUBPROTOCOL, ticket]) == read
    assert tickets.among([ticket]) is None and tickets.among([]) is None
    monkeypatch.setattr(tickets, "LASTS_S", -1)
    with pytest.raises(TooOld):
        tickets.read(ticket)


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("https://intranet.example.com", "https://intranet.example.com"),
        (" https://Intranet.Example.com/ ", "https://intranet.example.com"),
        ("https://intranet.example.com:443", "https://intranet.example.com"),
        ("https://intranet.example.com:8443", "https://intranet.example.com:8443"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
        ("https://intranet", "https://intranet"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://wiki.localhost", "http://wiki.localhost"),
    ],
)
def test_an_origin_is_stored_as_browsers_write_it(given: str, stored: str) -> None:
    assert origin_of(given) == stored


@pytest.mark.parametrize(
    "given",
    [
        "",
        "intranet.example.com",
        "http://intranet.example.com",
        "https://*.example.com",
        "*",
        "https:",
        "https://a.example/path",
        "https://a.example?x",
        "https://a.example#x",
        "https://user@a.example",
        "https://a.example;script-src",
        "https://a.example'unsafe-inline'",
        "https://a..example",
        "https://a.example:99999",
        "https://[::1]",
        "https://[",
        "javascript:alert(1)",
        "null",
        "https://intranet.faß.de",
        "https://localhost.evil.example,https://b.example",
        "http://localhost.evil.example",
    ],
)
def test_what_is_no_exact_origin_is_refused(given: str) -> None:
    with pytest.raises(Invalid):
        origin_of(given)


def test_origins_are_some_and_not_many() -> None:
    assert origins_of("https://a.example\n\nhttps://b.example https://a.example/") == [
        "https://a.example",
        "https://b.example",
    ]
    for wrong in ("", "  \n", "\n".join(f"https://{n}.example" for n in range(MOST + 1))):
        with pytest.raises(Invalid):
            origins_of(wrong)
