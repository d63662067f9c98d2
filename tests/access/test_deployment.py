"""Django's own checks of a deployment find nothing where Footnote is set up as docs/operations.md says."""

from __future__ import annotations

import os
import subprocess
import sys

from django.conf import settings
from django.test import Client, override_settings

from chatapp.accounts.links import make_link
from tests.conftest import Cast

PRODUCTION = {
    "CHATAPP_PUBLIC_URL": "https://footnote.example.com",
    "CHATAPP_HOSTS": "footnote.example.com",
    "CHATAPP_DEBUG": "false",
}


def checked(**environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {
        name: value for name, value in os.environ.items() if name != "DJANGO_ALLOW_ASYNC_UNSAFE"
    }  # a browser's
    return subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        env={**inherited, **PRODUCTION, **environment},
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_checks_of_a_deployment_find_nothing() -> None:
    found = checked()
    assert found.returncode == 0, found.stderr[-3000:]
    assert "no issues" in found.stdout


def test_they_would_find_a_careless_one() -> None:
    found = checked(CHATAPP_DEBUG="true", CHATAPP_PUBLIC_URL="http://footnote.example.com")
    assert found.returncode != 0 and "security.W" in found.stderr


@override_settings(SESSION_COOKIE_SECURE=True, CSRF_COOKIE_SECURE=True)
def test_cookies_go_over_https_alone_and_scripts_do_not_read_the_session(cast: Cast) -> None:
    client = Client()
    client.post(make_link(cast.alice), secure=True)
    client.get("/", secure=True)
    session, token = client.cookies["sessionid"], client.cookies["csrftoken"]
    assert session["secure"] and session["httponly"] and session["samesite"] == "Lax"
    assert token["secure"] and token["samesite"] == "Lax"
