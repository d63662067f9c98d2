"""Guessing passwords is slowed down, and right passwords of others, elsewhere or behind the same proxy, are not."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import Client

from chatapp.accounts.models import User
from chatapp.operations import programs
from tests.conftest import Cast
from tests.ingestion.worker import environment
from tests.running import free_port
from tests.waiting import wait_until

PASSWORD = "correct horse battery"
HERE, THERE = "203.0.113.5", "203.0.113.6"


@pytest.fixture(autouse=True)
def fresh_limits() -> None:
    cache.clear()


@pytest.fixture
def alice(cast: Cast) -> User:
    cast.alice.set_password(PASSWORD)
    cast.alice.save()
    return cast.alice


def signs_in(client: Client, name: str, password: str, address: str) -> bool:
    form = {"login": name, "password": password}
    return client.post("/accounts/login/", form, REMOTE_ADDR=address).status_code == 302


def test_failures_of_others_at_an_address_leave_the_right_password_of_one(alice: User, client: Client) -> None:
    for number in range(15):
        assert not signs_in(client, f"nobody-{number}", "wrong", HERE)
    assert signs_in(client, "alice", PASSWORD, HERE)


def test_guessing_a_password_locks_its_name_at_that_address_alone(alice: User, client: Client) -> None:
    for _ in range(5):
        assert not signs_in(client, "alice", "wrong", HERE)
    assert not signs_in(Client(), "alice", PASSWORD, HERE)
    assert not signs_in(Client(), "ALICE", PASSWORD, HERE)
    assert signs_in(Client(), "alice", PASSWORD, THERE)


def test_a_network_of_ipv6_addresses_is_one_address(alice: User, client: Client) -> None:
    for number in range(5):
        assert not signs_in(client, "alice", "wrong", f"2001:db8:1:2::{number}")
    assert not signs_in(client, "alice", PASSWORD, "2001:db8:1:2:ffff::1")
    assert signs_in(client, "alice", PASSWORD, "2001:db8:1:3::1")


def test_a_header_alone_does_not_give_another_address(alice: User, client: Client) -> None:
    for number in range(5):
        client.post(
            "/accounts/login/",
            {"login": "alice", "password": "wrong"},
            headers={"X-Forwarded-For": f"203.0.113.{number}"},
        )
    form = {"login": "alice", "password": PASSWORD}
    assert client.post("/accounts/login/", form, headers={"X-Forwarded-For": THERE}).status_code == 200


def guesses(name: str, times: int, begin: int = 0) -> None:
    for number in range(begin, begin + times):
        assert not signs_in(Client(), name, "wrong", f"198.51.{number // 250}.{number % 250}")


def test_guessing_from_everywhere_is_slowed_down_and_does_not_lock_the_person_out(alice: User, client: Client) -> None:
    assert signs_in(client, "alice", PASSWORD, HERE)
    client.post("/accounts/logout/")
    guesses("alice", 10)
    guesses("ALICE", 10, begin=10)
    assert not signs_in(Client(), "alice", PASSWORD, THERE)  # not even the right one, from where nobody knows her
    assert signs_in(client, "alice", PASSWORD, THERE)  # in her own browser, wherever it is
    assert signs_in(Client(), "bob", "wrong", THERE) is False


def test_her_browser_is_no_way_around_the_limit(alice: User, client: Client) -> None:
    assert signs_in(client, "alice", PASSWORD, HERE)
    client.post("/accounts/logout/")
    for number in range(20):
        assert not signs_in(client, "alice", "wrong", f"198.51.1.{number}")
    assert not signs_in(client, "alice", PASSWORD, THERE)
    assert signs_in(Client(), "alice", PASSWORD, THERE)


def test_a_cookie_that_we_did_not_make_is_no_known_browser(alice: User) -> None:
    guesses("alice", 20)
    for forged in (str(alice.pk), f'["{alice.pk}"]', "x:y:z", ""):
        client = Client()
        client.cookies["known_here"] = forged
        assert not signs_in(client, "alice", PASSWORD, THERE)


def test_right_passwords_do_not_count(alice: User) -> None:
    for number in range(25):
        assert signs_in(Client(), "alice", PASSWORD, f"198.51.2.{number}")


@contextmanager
def web(trusted: str) -> Iterator[str]:
    """-> the address of a web process, started as `make run` and the containers start it."""
    port = free_port()
    given = {**environment("http://127.0.0.1:9", ""), "PORT": str(port), "CHATAPP_TRUSTED_PROXIES": trusted}
    process = subprocess.Popen(
        [sys.executable, "-m", "chatapp.operations.programs", "web"], cwd=settings.BASE_DIR, env={**os.environ, **given}
    )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: _answers(address), 30)
        yield address
    finally:
        process.terminate()
        process.wait(15)


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/healthz", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


def signs_in_through_proxy(address: str, password: str, forwarded: str) -> bool:
    with httpx.Client(base_url=address, headers={"X-Forwarded-For": forwarded}, timeout=20) as person:
        page = person.get("/accounts/login/").text
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
        assert found, page
        form = {"login": "alice", "password": password, "csrfmiddlewaretoken": found[1]}
        return person.post("/accounts/login/", data=form).status_code == 302


@pytest.mark.parametrize("trusted", ["127.0.0.0/8,10.1.2.3", ""])
def test_a_trusted_proxy_names_the_client_and_nobody_else_does(alice: User, trusted: str) -> None:
    with web(trusted) as address:
        for number in range(5):  # what the client wrote itself stands before what the proxy added
            assert not signs_in_through_proxy(address, "wrong", f"198.51.100.{number}, {HERE}, 10.1.2.3")
        assert not signs_in_through_proxy(address, PASSWORD, HERE)
        assert signs_in_through_proxy(address, PASSWORD, THERE) is bool(trusted)


@pytest.mark.parametrize("wrong", ["*", "10.0.0.1/8", "proxy.example.com", "10.0.0.0/40"])
def test_a_proxy_that_cannot_be_stops_the_start(wrong: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=settings.BASE_DIR,
        env={**os.environ, "CHATAPP_TRUSTED_PROXIES": wrong},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0 and "CHATAPP_TRUSTED_PROXIES must list addresses or networks" in done.stderr


def test_without_trusted_proxies_uvicorn_believes_no_header(settings: object) -> None:
    assert "--no-proxy-headers" in programs.command("web")
    settings.TRUSTED_PROXIES = ["127.0.0.1", "10.0.0.0/8"]  # type: ignore[attr-defined]
    line = programs.command("web")
    assert line[line.index("--forwarded-allow-ips") + 1] == "127.0.0.1,10.0.0.0/8"
