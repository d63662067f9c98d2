"""What the environment may say of a directory."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chatapp.directory.config import parsed
from chatapp.signon.config import ConfigRefused, Rule
from chatapp.signon.config import parsed as parsed_providers
from tests.ldap.conftest import described
from tests.test_settings import started


def test_a_directory_is_read_and_keeps_what_is_not_said() -> None:
    found = parsed(described("ldaps://ldap.example.com"))
    assert found is not None and found.name_attributes == ("uid", "mail") and found.seconds == 5
    assert found.provider.rules == (Rule("staff", "Staff"), Rule("footnote-admins"))
    assert found.provider.issuer == "ldap:ou=people,dc=example,dc=com"
    assert parsed("") is None


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"server": "ldap://ldap.example.com"}, "ldaps://"),
        ({"server": "ldap://127.0.0.1.example.com"}, "ldaps://"),
        ({"server": "ldaps://me:hush@ldap.example.com"}, "ldaps://"),
        ({"server": "ldaps://a ldap://b"}, "ldaps://"),
        ({"server": "ldapi:///run/x"}, "ldaps://"),
        ({"user_base": ""}, "user_base"),
        ({"key": ""}, "bind_dn needs a key"),
        ({"key": "CHATAPP_SECRET_KEY"}, "begins with SIGNON_KEY_"),
        ({"name_attributes": ["uid=*)(x"]}, "Attributes are letters"),
        ({"name_attributes": []}, "name_attributes must name"),
        ({"name_attributes": "uid"}, "a list of texts"),
        ({"user_filter": "objectClass=*"}, "parentheses"),
        ({"user_filter": "(a))(b"}, "parentheses"),
        ({"group_kind": "any"}, "group_kind"),
        ({"group_base": ""}, "need a group_base"),
        ({"seconds": 90}, "seconds must lie"),
        ({"seconds": "5"}, "of type int"),
        ({"password": "hush"}, "no setting password"),
        ({"slug": "Not A Slug"}, "slug"),
    ],
)
def test_a_description_that_is_not_right_is_refused_with_a_sentence(changed: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigRefused, match=sentence):
        parsed(described(changed.pop("server", "ldaps://ldap.example.com"), **changed))


def test_no_list_of_providers_names_one_of_this_kind() -> None:
    one = {"slug": "x", "name": "X", "kind": "ldap", "issuer": "ldaps://ldap.example.com"}
    with pytest.raises(ConfigRefused, match="oidc or saml"):
        parsed_providers(json.dumps([one]))


def test_a_wrong_description_stops_the_start_and_does_not_repeat_it() -> None:
    done = started(CHATAPP_DIRECTORY=described("ldaps://ldap.example.com", password="hush, hush"))
    assert done.returncode == 1 and "hush, hush" not in done.stderr
    assert "CHATAPP_DIRECTORY describes no directory. A provider has no setting password." in done.stderr


def test_a_password_that_is_missing_stops_the_start() -> None:
    done = started(CHATAPP_DIRECTORY=described("ldaps://ldap.example.com"))
    assert done.returncode == 1
    assert "SIGNON_KEY_DIRECTORY is missing" in done.stderr or "'.[cpu,ldap]'" in done.stderr
