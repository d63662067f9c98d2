"""The test button of an identity provider in a browser."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect

from chatapp.signon.models import IdentityProvider
from tests.browser.administration import check
from tests.signon.forger import forging


def test_a_provider_is_tested_with_one_button(page: Any) -> None:
    with forging() as forger:
        IdentityProvider.objects.create(
            name="Example Corp", slug="corp", kind="oidc", issuer=forger.address, client_id="footnote"
        )
        page.goto("/admin/operations/providertrial/")
        page.get_by_role("button", name="Test Example Corp").click()
        expect(page.get_by_text(f"It is that of {forger.address}.")).to_be_visible()
        expect(page.get_by_text("1 that sign.")).to_be_visible()
        expect(page.get_by_text("/accounts/signon/oidc/corp/callback/")).to_be_visible()
        assert page.problems == []
        check(page, "sign-on-test")
