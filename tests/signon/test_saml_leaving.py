"""SAML's single logout: asked for by us, asked for by the provider, and what nobody is signed out by."""

from __future__ import annotations

import base64
import html
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from django.core.cache import cache
from django.test import Client

from chatapp.accounts.keys import create_key, person_of_key
from chatapp.accounts.models import User
from chatapp.governance.models import AuditEntry
from chatapp.signon import saml_leaving
from chatapp.signon.config import SAML, ConfigRefused, Provider
from chatapp.signon.models import SignOnSession
from tests.idp.running import IdentityProvider, running
from tests.signon.saml_party import DOOR, ERIN, PERSISTENT, Party, Signer, signer

pytestmark = pytest.mark.django_db
OURS = f"http://testserver{DOOR}"
SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
SHA1 = "http://www.w3.org/2000/09/xmldsig#rsa-sha1"
SESSION = "_session-1"


@pytest.fixture(scope="module")
def keys() -> Signer:
    return signer()


@pytest.fixture(scope="module")
def another() -> Signer:
    return signer()


@pytest.fixture(scope="module")
def given(keys: Signer) -> dict[str, Any]:
    return {
        "acs": f"{OURS}/acs/",
        "key": keys.key,
        "certificate": keys.certificate,
        "person": ERIN,
        "sessionIndex": SESSION,
        "participants": [
            {
                "serviceProviderId": f"{OURS}/metadata/",
                "sessionIndex": SESSION,
                "nameId": ERIN["subject"],
                "nameIdFormat": PERSISTENT,
                "serviceProviderLogoutURL": f"{OURS}/sls/",
            }
        ],
    }


@pytest.fixture(scope="module")
def idp(given: dict[str, Any]) -> Iterator[IdentityProvider]:
    with running("saml.mjs", given) as provider:
        yield provider


@pytest.fixture
def corp(idp: IdentityProvider, keys: Signer, settings: Any) -> Provider:
    cache.clear()
    found = Provider("corp", "Corp", SAML, idp.address, sso_url=f"{idp.address}/sso", certificate=keys.certificate)
    found = replace(found, slo_url=f"{idp.address}/slo").check()
    settings.SIGNON_PROVIDERS = (found,)
    return found


@pytest.fixture
def party(corp: Provider, idp: IdentityProvider, given: dict[str, Any]) -> Party:
    """Signed in."""
    found = Party(idp, given)
    found.sign_in()
    assert found.is_in
    return found


@dataclass(frozen=True)
class Message:
    """One that the provider might send."""

    issuer: str
    kind: str = "LogoutRequest"
    number: str = "_1"
    destination: str = f"{OURS}/sls/"
    issued: datetime | None = None
    ends: datetime | None = None
    name_id: str = ERIN["subject"]
    sessions: tuple[str, ...] = (SESSION,)
    in_response_to: str = ""
    status: str = "Success"

    @property
    def part(self) -> str:
        return "SAMLRequest" if self.kind == "LogoutRequest" else "SAMLResponse"

    @property
    def xml(self) -> str:
        given = {
            "ID": self.number,
            "Version": "2.0",
            "IssueInstant": moment(self.issued or datetime.now(UTC)),
            "Destination": self.destination,
            "NotOnOrAfter": moment(self.ends) if self.ends else "",
            "InResponseTo": self.in_response_to,
        }
        attributes = "".join(f' {name}="{value}"' for name, value in given.items() if value)
        issuer = f"<saml:Issuer>{self.issuer}</saml:Issuer>" if self.issuer else ""
        spaces = 'xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"'
        return f"<samlp:{self.kind} {spaces}{attributes}>{issuer}{self._rest()}</samlp:{self.kind}>"

    def _rest(self) -> str:
        if self.kind == "LogoutResponse":
            status = f"urn:oasis:names:tc:SAML:2.0:status:{self.status}"
            return f'<samlp:Status><samlp:StatusCode Value="{status}"/></samlp:Status>'
        named = f"<saml:NameID>{self.name_id}</saml:NameID>" if self.name_id else ""
        return named + "".join(f"<samlp:SessionIndex>{one}</samlp:SessionIndex>" for one in self.sessions)


def moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def deflated(xml: str) -> str:
    packer = zlib.compressobj(wbits=-15)
    return base64.b64encode(packer.compress(xml.encode()) + packer.flush()).decode()


def signed(message: Message, key: str, *, algorithm: str = SHA256, relay: str = "back") -> str:
    """-> the query, as the binding signs it (SAML Bindings 2.0, 3.4.4.1)."""
    query = f"{message.part}={quote(deflated(message.xml), safe='')}"
    query += f"&RelayState={quote(relay, safe='')}&SigAlg={quote(algorithm, safe='')}"
    private = serialization.load_pem_private_key(key.encode(), None)
    assert isinstance(private, rsa.RSAPrivateKey)
    digest = hashes.SHA1() if algorithm == SHA1 else hashes.SHA256()
    made = private.sign(query.encode(), padding.PKCS1v15(), digest)
    return f"{query}&Signature={quote(base64.b64encode(made).decode(), safe='')}"


def sent(query: str, client: Client | None = None) -> Any:
    return (client or Client(raise_request_exception=False)).get(f"{DOOR}/sls/?{query}")


def inflated(text: str) -> str:
    return zlib.decompress(base64.b64decode(text), -15).decode()


def is_let_in(party: Party) -> bool:
    return party.client.get("/api/conversations/", headers={"Accept": "application/json"}).status_code == 200


def leaves(party: Party) -> str:
    """By our own button. -> the address at the provider."""
    page = party.client.post("/accounts/logout/").content.decode()
    found = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', page)
    assert found and not is_let_in(party), page
    return html.unescape(found.group(1))


def test_signing_out_here_signs_out_at_the_provider_and_comes_back(party: Party) -> None:
    asked = leaves(party)
    xml = inflated(parse_qs(urlsplit(asked).query)["SAMLRequest"][0])
    assert f">{ERIN['subject']}</saml:NameID>" in xml and f"<samlp:SessionIndex>{SESSION}<" in xml
    assert PERSISTENT in xml and "Signature" not in parse_qs(urlsplit(asked).query)
    back = httpx.get(asked)
    assert back.status_code == 302 and back.headers["Location"].startswith(f"{OURS}/sls/?SAMLResponse="), back.text
    query = urlsplit(back.headers["Location"]).query
    assert sent(query).status_code == 400, "in a browser that asked for nothing"
    answer = sent(query, party.client)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/accounts/login/")
    assert sent(query, party.client).status_code == 400, "a second time"


def test_what_we_ask_is_signed_where_we_have_a_key(
    party: Party, given: dict[str, Any], another: Signer, corp: Provider, settings: Any
) -> None:
    settings.SIGNON_PROVIDERS = (replace(corp, key="SIGNON_KEY_CORP"),)
    settings.SIGNON_KEYS = {"SIGNON_KEY_CORP": f"{another.key}\n{another.certificate}"}
    (participant,) = given["participants"]
    party.change(participants=[{**participant, "cert": another.certificate}])
    back = httpx.get(leaves(party))
    assert back.status_code == 302, back.text
    assert sent(urlsplit(back.headers["Location"]).query, party.client).status_code == 302
    party.sign_in(participants=[{**participant, "cert": given["certificate"]}])
    assert httpx.get(leaves(party)).status_code == 400, "another one would not do"
    assert "X509Certificate" in Client().get(f"{DOOR}/metadata/").content.decode()


@pytest.mark.parametrize("secret", ["", "a secret", "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----"])
def test_without_a_whole_key_it_is_not_signed(party: Party, corp: Provider, settings: Any, secret: str) -> None:
    settings.SIGNON_PROVIDERS = (replace(corp, key="SIGNON_KEY_CORP"),)
    settings.SIGNON_KEYS = {"SIGNON_KEY_CORP": secret}
    assert "Signature" not in parse_qs(urlsplit(leaves(party)).query)


def test_a_key_that_cannot_be_read_keeps_nobody_in(
    party: Party, another: Signer, corp: Provider, settings: Any
) -> None:
    settings.SIGNON_PROVIDERS = (replace(corp, key="SIGNON_KEY_CORP"),)
    broken = "-----BEGIN PRIVATE KEY-----\nbroken\n-----END PRIVATE KEY-----"
    settings.SIGNON_KEYS = {"SIGNON_KEY_CORP": f"{broken}\n{another.certificate}"}
    answer = party.client.post("/accounts/logout/")
    assert answer.status_code == 302 and not is_let_in(party)


def test_a_provider_without_single_logout_is_not_asked_and_not_heard(
    party: Party, keys: Signer, corp: Provider, settings: Any
) -> None:
    settings.SIGNON_PROVIDERS = (replace(corp, slo_url=""),)
    assert sent(signed(Message(corp.issuer), keys.key)).status_code == 404
    assert is_let_in(party)
    assert party.client.post("/accounts/logout/").headers["Location"] == "/" and not is_let_in(party)


def test_the_provider_ends_the_session_that_it_names_and_hears_of_it(
    party: Party, keys: Signer, corp: Provider
) -> None:
    key = create_key(user=User.objects.get(), name="nightly")
    answer = sent(signed(Message(corp.issuer, number="_asked"), keys.key))
    assert answer.status_code == 302 and answer.headers["Location"].startswith(f"{corp.slo_url}?SAMLResponse=")
    said = parse_qs(urlsplit(answer.headers["Location"]).query)
    xml = inflated(said["SAMLResponse"][0])
    assert 'InResponseTo="_asked"' in xml and "status:Success" in xml and said["RelayState"] == ["back"]
    assert not is_let_in(party) and not SignOnSession.objects.exists()
    assert AuditEntry.objects.filter(action="sign_out").get().detail == {"way": "provider corp"}
    assert person_of_key(key) is not None, "keys go on"


@pytest.mark.parametrize(
    ("sessions", "ends"),
    [((), True), ((SESSION,), True), (("_another", SESSION), True), (("_another",), False)],
    ids=["all of a person", "this one", "this one and another", "another one"],
)
def test_sessions_are_named_by_number_or_all_together(
    party: Party, keys: Signer, corp: Provider, sessions: tuple[str, ...], ends: bool
) -> None:
    assert sent(signed(Message(corp.issuer, sessions=sessions), keys.key)).status_code == 302
    assert is_let_in(party) is not ends


def test_another_person_and_another_provider_are_not_signed_out(
    party: Party, keys: Signer, corp: Provider, settings: Any
) -> None:
    assert sent(signed(Message(corp.issuer, name_id="mallory-at-corp"), keys.key)).status_code == 302
    settings.SIGNON_PROVIDERS = (corp, replace(corp, slug="two", issuer="urn:two"))
    message = Message("urn:two", destination=f"{OURS.replace('corp', 'two')}/sls/")
    assert Client().get(f"/accounts/signon/saml/two/sls/?{signed(message, keys.key)}").status_code == 302
    assert is_let_in(party)


def test_a_person_is_known_by_the_name_of_the_assertion_also_where_the_account_has_another(
    party: Party, keys: Signer, corp: Provider
) -> None:
    attributes = {**ERIN["attributes"], "urn:oasis:names:tc:SAML:attribute:subject-id": "erin@scope"}
    party.client.post("/accounts/logout/")
    party.sign_in(person={**ERIN, "attributes": {**attributes, "mail": "other@example.com"}})
    row = SignOnSession.objects.get()
    assert (row.subject, row.name_id) == ("erin@scope", ERIN["subject"])
    assert sent(signed(Message(corp.issuer), keys.key)).status_code == 302
    assert not is_let_in(party)


HOUR = timedelta(hours=1)
REFUSED: dict[str, Callable[[Message], Message]] = {
    "of another issuer": lambda one: replace(one, issuer="https://elsewhere.example"),
    "of nobody": lambda one: replace(one, issuer=""),
    "for another place": lambda one: replace(one, destination="https://elsewhere.example/sls/"),
    "for a place below": lambda one: replace(one, destination=f"{OURS}/sls/more/"),
    "for no place": lambda one: replace(one, destination=""),
    "old": lambda one: replace(one, issued=datetime.now(UTC) - HOUR),
    "of the future": lambda one: replace(one, issued=datetime.now(UTC) + HOUR),
    "ended": lambda one: replace(one, ends=datetime.now(UTC) - timedelta(minutes=1)),
    "about nobody": lambda one: replace(one, name_id=""),
    "no request": lambda one: replace(one, kind="AuthnRequest"),
}


@pytest.mark.parametrize("changed", REFUSED.values(), ids=REFUSED)
def test_a_request_that_is_not_right_ends_nothing(
    party: Party, keys: Signer, corp: Provider, changed: Callable[[Message], Message]
) -> None:
    message = changed(Message(corp.issuer))
    query = signed(message, keys.key).replace("SAMLResponse=", "SAMLRequest=")
    answer = sent(query)
    assert answer.status_code == 400 and "as it should" in answer.content.decode()
    assert is_let_in(party)


def unsigned(query: str) -> str:
    return query.partition("&SigAlg")[0]


def test_a_forged_unsigned_or_changed_request_ends_nothing(
    party: Party, keys: Signer, another: Signer, corp: Provider
) -> None:
    good, other = signed(Message(corp.issuer), keys.key), signed(Message(corp.issuer, name_id="other"), keys.key)
    evil = quote(deflated(Message(corp.issuer, number="_2").xml), safe="")
    mine, theirs = good.split("&"), other.split("&")
    for query in (
        signed(Message(corp.issuer), another.key),
        signed(Message(corp.issuer), keys.key, algorithm=SHA1),
        unsigned(good),
        good.partition("&Signature")[0],
        good.replace("Signature=", "Signature=AAAA"),
        good.replace("&SigAlg=", "&SigAlg=x"),
        good.replace("RelayState=back", "RelayState=elsewhere"),
        "&".join([mine[0], *theirs[1:]]),
        f"{other}&SAMLRequest={evil}",
        f"{other}&SAMLReques%74={evil}",
        f"SAMLReques%74={evil}&{other}",
        other.replace("SAMLRequest=", "SAMLReques%74="),
        f"{other}&SAMLResponse={evil}",
        f"{good}&more={'x' * 20_000}",
        "SAMLRequest=",
        "SAMLRequest=nonsense&SigAlg=&Signature=",
        "",
    ):
        assert sent(query).status_code == 400, query[:200]
        assert is_let_in(party), query[:200]
    assert sent(good).status_code == 302 and not is_let_in(party), "the right one"


@pytest.mark.parametrize(
    "xml", ["nonsense", "<a", "", '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>']
)
def test_what_is_signed_and_no_message_is_refused(
    party: Party, keys: Signer, corp: Provider, xml: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Message, "xml", xml)
    assert sent(signed(Message(corp.issuer), keys.key)).status_code == 400
    assert is_let_in(party)


def test_a_message_of_a_stranger_is_not_unpacked(
    corp: Provider, another: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few kilobytes may be a gigabyte when they are."""
    unpacked: list[str] = []
    monkeypatch.setattr("onelogin.saml2.utils.OneLogin_Saml2_Utils.decode_base64_and_inflate", unpacked.append)
    assert sent(signed(Message(corp.issuer), another.key)).status_code == 400
    assert not unpacked


def test_a_request_is_taken_once(party: Party, keys: Signer, corp: Provider) -> None:
    query = signed(Message(corp.issuer), keys.key)
    assert sent(query).status_code == 302
    party.sign_in()
    assert is_let_in(party) and sent(query).status_code == 400 and is_let_in(party)


def test_a_request_on_which_we_failed_may_come_again(
    party: Party, keys: Signer, corp: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = signed(Message(corp.issuer), keys.key)

    def fails(*_: object) -> int:
        raise OSError("the database went away")

    with monkeypatch.context() as broken:
        broken.setattr("chatapp.signon.sessions.end_named", fails)
        assert sent(query).status_code == 500 and is_let_in(party)
    assert sent(query).status_code == 302 and not is_let_in(party)


ANSWERS: dict[str, tuple[dict[str, Any], int]] = {
    "right": ({}, 302),
    "only in part": ({"status": "Responder"}, 302),
    "to something else": ({"in_response_to": "_another"}, 400),
    "to nothing": ({"in_response_to": ""}, 400),
    "old": ({"issued": datetime(2020, 1, 1, tzinfo=UTC)}, 400),
    "of another issuer": ({"issuer": "urn:another"}, 400),
    "for another place": ({"destination": "https://elsewhere.example/"}, 400),
}


@pytest.mark.parametrize(("changed", "status"), ANSWERS.values(), ids=ANSWERS)
def test_only_the_answer_to_what_this_browser_asked_is_taken(
    party: Party, keys: Signer, corp: Provider, changed: dict[str, Any], status: int
) -> None:
    xml = inflated(parse_qs(urlsplit(leaves(party)).query)["SAMLRequest"][0])
    number = re.search(r'ID="([^"]+)"', xml)
    assert number
    right = Message(corp.issuer, kind="LogoutResponse", in_response_to=number.group(1))
    cookie = party.client.cookies[saml_leaving.COOKIE]
    assert cookie["httponly"] and cookie["samesite"] == "Lax" and cookie["path"] == f"{DOOR}/sls/"
    assert sent(signed(replace(right, **changed), keys.key), party.client).status_code == status


@pytest.mark.parametrize("slo_url", ["http://id.example.com/slo", "https://id.example.com/?a=b&c=d", "nonsense"])
def test_an_address_that_is_none_is_refused(corp: Provider, slo_url: str) -> None:
    with pytest.raises(ConfigRefused, match="slo_url"):
        replace(corp, slo_url=slo_url).check()
