"""A real slapd on loopback, with people and groups; Footnote that asks it."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from chatapp.directory.config import Directory, parsed
from chatapp.directory.order import backends
from tests.running import free_port
from tests.waiting import wait_until

BASE = "dc=example,dc=com"
ADMIN, PASSWORD = f"cn=admin,{BASE}", "of the directory"
ERIN, MALLORY = "erin's own words", "mallory's own words"
_SCHEMAS = Path("/etc/ldap/schema")
MISSING = [
    name
    for name, there in (
        ("slapd", bool(shutil.which("slapd", path="/usr/sbin:/usr/bin:/usr/local/libexec"))),
        ("ldapadd", bool(shutil.which("ldapadd"))),
        ("python-ldap (the extra `ldap`)", importlib.util.find_spec("ldap") is not None),
        ("django-auth-ldap (the extra `ldap`)", importlib.util.find_spec("django_auth_ldap") is not None),
    )
    if not there
]


@dataclass
class Slapd:
    folder: Path
    port: int
    tls_port: int

    @property
    def address(self) -> str:
        return f"ldap://127.0.0.1:{self.port}"

    @property
    def tls_address(self) -> str:
        return f"ldaps://127.0.0.1:{self.tls_port}"

    def change(self, ldif: str, *, add: bool = False) -> None:
        line = ["ldapadd" if add else "ldapmodify", "-x", "-H", self.address, "-D", ADMIN, "-w", PASSWORD]
        done = subprocess.run(line, input=ldif, capture_output=True, text=True, timeout=20)
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    if MISSING:
        pytest.skip(f"not installed: {', '.join(MISSING)}")
    found = Slapd(tmp_path_factory.mktemp("slapd"), free_port(), free_port())
    _write(found)
    line = [shutil.which("slapd", path="/usr/sbin:/usr/bin"), "-f", str(found.folder / "slapd.conf"), "-d", "0", "-h"]
    process = subprocess.Popen([*line, f"{found.address} ldaps://127.0.0.1:{found.tls_port}"])  # type: ignore[list-item]
    try:
        wait_until(lambda: process.poll() is None and _answers(found), 20)
        found.change(_people(), add=True)
        yield found
    finally:
        process.terminate()
        process.wait(10)


def _answers(slapd: Slapd) -> bool:
    line = ["ldapwhoami", "-x", "-H", slapd.address, "-D", ADMIN, "-w", PASSWORD]
    return subprocess.run(line, capture_output=True, timeout=5).returncode == 0


def _write(slapd: Slapd) -> None:
    """Nobody but the one account may search; everybody may try a password."""
    folder = slapd.folder
    (folder / "data").mkdir()
    subject = ["-subj", "/CN=directory", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run([*made, "-keyout", "key.pem", "-out", "cert.pem"], cwd=folder, check=True, capture_output=True)
    schemas = "\n".join(f"include {_SCHEMAS}/{name}.schema" for name in ("core", "cosine", "inetorgperson"))
    (folder / "slapd.conf").write_text(
        f"""{schemas}
pidfile {folder}/pid
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile {folder}/cert.pem
TLSCertificateKeyFile {folder}/key.pem
database mdb
maxsize 10485760
suffix "{BASE}"
rootdn "{ADMIN}"
rootpw "{PASSWORD}"
directory {folder}/data
access to attrs=userPassword by anonymous auth by * none
access to * by * none
"""
    )


def _people() -> str:
    people = "".join(
        f"dn: uid={uid},ou=people,{BASE}\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: {uid}\nsn: Example\n"
        f"givenName: {uid.title()}\nmail: {mail}\nuserPassword: {password}\n\n"
        for uid, mail, password in (
            ("erin", "erin@example.com", ERIN),
            ("mallory", "mallory@elsewhere.example", MALLORY),
            ("alice", "another.alice@example.com", "of another alice"),
        )
    )
    groups = "".join(
        f"dn: cn={name},ou=groups,{BASE}\nobjectClass: groupOfNames\ncn: {name}\n"
        + "".join(f"member: uid={uid},ou=people,{BASE}\n" for uid in members)
        + "\n"
        for name, members in (("staff", ("erin", "alice")), ("footnote-admins", ("alice",)), ("empty", ("nobody",)))
    )
    tops = "".join(f"dn: ou={ou},{BASE}\nobjectClass: organizationalUnit\nou: {ou}\n\n" for ou in ("people", "groups"))
    root = f"dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example\n\n"
    return f"{root}{tops}{people}{groups}"


def described(server: str, **changed: Any) -> str:
    known = {
        "slug": "staff-directory",
        "name": "Example",
        "server": server,
        "bind_dn": ADMIN,
        "key": "SIGNON_KEY_DIRECTORY",
        "user_base": f"ou=people,{BASE}",
        "group_base": f"ou=groups,{BASE}",
        "groups": {"staff": "Staff"},
        "administrators": ["footnote-admins"],
    }
    return json.dumps({**known, **changed})


@dataclass
class House:
    """Footnote, and the directory that it asks."""

    slapd: Slapd
    settings: Any

    def directory(self, server: str = "", *, local_accounts: bool = True, **changed: Any) -> Directory:
        found = parsed(described(server or self.slapd.address, **changed))
        assert found is not None
        self.settings.DIRECTORY, self.settings.LOCAL_ACCOUNTS = found, local_accounts
        self.settings.AUTHENTICATION_BACKENDS = backends(local_accounts=local_accounts, directory=True)
        return found

    def signs_in(self, name: str, password: str, client: Client | None = None) -> bool:
        return self.answer(name, password, client).status_code == 302

    def answer(self, name: str, password: str, client: Client | None = None) -> Any:
        form = {"login": name, "password": password, "remember": "on"}
        return (client or Client(raise_request_exception=False)).post("/accounts/login/", form)


@pytest.fixture
def house(transactional_db: None, slapd: Slapd, settings: Any) -> House:
    cache.clear()
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # of these tests' own passwords
    settings.SIGNON_KEYS = {"SIGNON_KEY_DIRECTORY": PASSWORD}
    found = House(slapd, settings)
    found.directory()
    return found
