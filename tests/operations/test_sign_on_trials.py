"""The test of identity providers: what they say of themselves, and what is to be entered there."""

from __future__ import annotations

import datetime
import html
import re
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID
from django.core.cache import cache
from django.test import Client

from chatapp.governance.models import AuditEntry
from chatapp.operations.pages import how_often
from chatapp.organisations.services import close_organisation, create_organisation
from chatapp.signon.config import Provider
from chatapp.signon.models import IdentityProvider
from tests.conftest import Cast, signed_in_client
from tests.signon.forger import KEY, Forger, forging

PAGE = "/admin/operations/providertrial/"
AWAY = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def fresh_limits() -> None:
    cache.clear()


@pytest.fixture
def forger() -> Iterator[Forger]:
    with forging() as found:
        yield found


@pytest.fixture
def page(cast: Cast) -> Client:
    return signed_in_client(cast.administrator)


@pytest.fixture
def corp(transactional_db: None, forger: Forger, settings: Any) -> IdentityProvider:
    settings.SIGNON_KEYS = {"SIGNON_KEY_CORP": "a secret between the two"}
    return IdentityProvider.objects.create(
        name="Corp", slug="corp", kind="oidc", issuer=forger.address, client_id="footnote", key="SIGNON_KEY_CORP",
        is_on=False,
    )  # fmt: skip


def saml(certificate: str, sso_url: str) -> IdentityProvider:
    return IdentityProvider.objects.create(
        name="Old", slug="old", kind="saml", issuer="urn:corp", sso_url=sso_url, certificate=certificate
    )


def certificate(days: int) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "provider of the tests")])
    now = datetime.datetime.now(datetime.UTC)
    ends = now + datetime.timedelta(days=days)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(KEY.public_key())
    made = made.serial_number(1).not_valid_before(ends - datetime.timedelta(days=500)).not_valid_after(ends)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return made.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def tried(page: Client, slug: str = "corp") -> str:
    response = page.post(PAGE, {"slug": slug})
    assert response.status_code == 200, response
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", response.content.decode().split("<main")[1]).split()))


def test_a_provider_that_is_well_passes_before_it_is_in_use(page: Client, corp: IdentityProvider, cast: Cast) -> None:
    shown = tried(page)
    assert f"Discovery document well It is that of {corp.issuer}." in shown
    assert "Keys well 1 that sign." in shown and "Client secret well SIGNON_KEY_CORP is set." in shown
    assert "not in use" in shown and "wrong" not in shown.split("To be entered")[0]
    line = AuditEntry.objects.get(action="sign_on.tested")
    assert (line.actor_id, line.subject) == (cast.administrator.pk, "Corp")
    assert line.detail == {"provider": "corp", "result": "weak"}, "no address of ours is set in the tests"


def test_what_is_to_be_entered_there_is_told_without_a_test(
    page: Client, corp: IdentityProvider, settings: Any
) -> None:
    settings.PUBLIC_URL = "https://footnote.example.com"
    shown = page.get(PAGE).content.decode()
    for place in ("callback", "back-channel-logout", "front-channel-logout"):
        assert f"https://footnote.example.com/accounts/signon/oidc/corp/{place}/" in shown
    assert "https://footnote.example.com/accounts/login/" in shown


def test_the_document_is_read_anew_each_time(page: Client, corp: IdentityProvider, forger: Forger) -> None:
    assert "Keys well" in tried(page)
    forger.discovery = {"issuer": "https://id.elsewhere.example"}
    assert "It names another issuer: https://id.elsewhere.example." in tried(page)


@pytest.mark.parametrize(
    ("discovery", "said"),
    [
        ({"token_endpoint": "http://id.example.com/token"}, "It has no address with TLS as token_endpoint."),
        ({"jwks_uri": 7}, "It has no address with TLS as jwks_uri."),
        ({"jwks_uri": f"{AWAY}/keys"}, f"{AWAY}/keys could not be read (ConnectionError)."),
        ({"response_types_supported": ["id_token"]}, "It does not offer the code flow"),
        ({"code_challenge_methods_supported": ["plain"]}, "It does not offer S256."),
        ({"scopes_supported": ["openid"]}, "It does not list profile, email."),
        ({"end_session_endpoint": None}, "a sign-out here leaves the session there"),
    ],
)
def test_what_is_wrong_with_it_is_named(
    page: Client, corp: IdentityProvider, forger: Forger, discovery: dict[str, Any], said: str
) -> None:
    forger.discovery = discovery
    assert said in tried(page)


def test_keys_that_do_not_sign_are_no_keys(page: Client, corp: IdentityProvider, forger: Forger) -> None:
    forger.discovery = {"jwks_uri": f"{forger.address}/.well-known/openid-configuration"}
    assert "There is no public key that signs" in tried(page)


def test_a_provider_that_is_away_or_leads_elsewhere_is_named(
    page: Client, corp: IdentityProvider, forger: Forger
) -> None:
    forger.redirects = True
    assert "gives a redirect." in tried(page)
    IdentityProvider.objects.update(issuer=AWAY)
    assert f"{AWAY}/.well-known/openid-configuration could not be read (ConnectionError)." in tried(page)


def test_a_secret_that_nobody_set_is_named(page: Client, corp: IdentityProvider, settings: Any) -> None:
    settings.SIGNON_KEYS = {}
    assert "Client secret wrong SIGNON_KEY_CORP is not set for the web process." in tried(page)
    IdentityProvider.objects.update(key="")
    assert "Client secret look at it None is named" in tried(page)


def test_a_description_that_cannot_be_is_named(page: Client, corp: IdentityProvider) -> None:
    IdentityProvider.objects.update(client_id="")
    assert "Description wrong A provider of kind oidc needs a client_id." in tried(page)


@pytest.mark.parametrize(
    ("public_url", "said"),
    [("", "is not set"), ("http://localhost:8000", "without TLS"), ("https://f.example.com", "Our address well")],
)
def test_our_own_address_is_looked_at(
    page: Client, corp: IdentityProvider, settings: Any, public_url: str, said: str
) -> None:
    settings.PUBLIC_URL = public_url
    assert said in tried(page)


def test_a_provider_of_the_environment_is_tested_and_wins(
    page: Client, corp: IdentityProvider, forger: Forger, settings: Any
) -> None:
    named = Provider(slug="corp", name="Example Corp", kind="oidc", issuer=forger.address, client_id="footnote")
    settings.SIGNON_PROVIDERS = (named,)
    shown = tried(page)
    assert "Example Corp OpenID Connect from the environment" in shown and shown.count("Test ") == 2


@pytest.mark.parametrize(
    ("days", "said"), [(400, "Certificate well It ends on"), (5, "look at it It ends on"), (-2, "wrong It ended on")]
)
def test_the_certificate_of_a_saml_provider_is_read(page: Client, forger: Forger, days: int, said: str) -> None:
    saml(certificate(days), f"{forger.address}/keys")
    shown = tried(page, "old")
    assert said in shown and "Sign-in address well It answers with status 200." in shown
    assert "/accounts/signon/saml/old/metadata/" in shown and "/accounts/signon/saml/old/acs/" in shown


def test_a_certificate_that_is_none_and_an_address_where_nobody_is(page: Client, forger: Forger) -> None:
    saml("not a certificate", f"{forger.address}/nowhere")
    shown = tried(page, "old")
    assert "It cannot be read: paste it as PEM." in shown
    assert "Sign-in address look at it It answers with status 404." in shown
    IdentityProvider.objects.update(sso_url=AWAY)
    assert "Sign-in address wrong It could not be reached (ConnectionError)." in tried(page, "old")
    IdentityProvider.objects.update(sso_url=f"{forger.address}/.well-known/openid-configuration")
    forger.redirects = True
    assert "Sign-in address well It answers." in tried(page, "old")


def test_the_sign_out_address_is_asked_too(page: Client, forger: Forger) -> None:
    saml(certificate(400), f"{forger.address}/keys")
    assert "Sign-out address look at it None is named" in tried(page, "old")
    IdentityProvider.objects.update(slo_url=AWAY)
    assert "Sign-out address wrong It could not be reached (ConnectionError)." in tried(page, "old")
    IdentityProvider.objects.update(slo_url=f"{forger.address}/keys")
    shown = tried(page, "old")
    assert "Sign-out address well It answers with status 200." in shown and "Organisation well" not in shown


def test_an_organisation_that_is_not_there_is_named(page: Client, forger: Forger, settings: Any) -> None:
    named = Provider(
        slug="corp", name="Corp", kind="oidc", issuer=forger.address, client_id="footnote", organisation="acme"
    )
    settings.SIGNON_PROVIDERS = (named,)
    assert "Organisation wrong There is none that is open and has the short name acme" in tried(page)
    acme = create_organisation(name="Acme", slug="acme", by=None)
    assert "Organisation well Whom it makes is of acme." in tried(page)
    close_organisation(acme, by=None)
    assert "Organisation wrong" in tried(page)


def test_a_certificate_without_its_lines_is_read_too(page: Client, forger: Forger) -> None:
    bare = "".join(line for line in certificate(400).splitlines() if "CERTIFICATE" not in line)
    saml(bare, f"{forger.address}/keys")
    assert "Certificate well It ends on" in tried(page, "old")


def test_tests_are_limited(
    page: Client, corp: IdentityProvider, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | {"sign_on_trial": "1/m/user"}
    assert [page.post(PAGE, {"slug": "corp"}).status_code for _ in range(2)] == [200, 429]

    def away(*_: Any, **__: Any) -> None:
        raise ConnectionError

    cache.clear()
    monkeypatch.setattr(how_often.ratelimit, "consume", away)
    monkeypatch.setattr(how_often, "redis_errors", lambda: (ConnectionError,))
    assert page.post(PAGE, {"slug": "corp"}).status_code == 429


def test_there_is_nothing_to_test_where_no_provider_is(page: Client) -> None:
    assert b"There is no identity provider yet." in page.get(PAGE).content
    assert page.post(PAGE, {"slug": "corp"}).status_code == 404


@pytest.mark.parametrize("who", ["alice", "bob", "charlie"])
def test_for_others_it_is_not_there(cast: Cast, corp: IdentityProvider, forger: Forger, who: str) -> None:
    client = signed_in_client(getattr(cast, who))
    assert client.get(PAGE).status_code == 404
    assert client.post(PAGE, {"slug": "corp"}).status_code == 404
    assert forger.asked == []
