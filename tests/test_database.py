"""The processes that tests start work on the database of the tests."""

from __future__ import annotations

import dj_database_url
import psycopg
import pytest
from django.db import connection

from tests.database import database_url, url_of
from tests.ingestion.worker import environment


def test_a_worker_of_the_tests_never_sees_the_database_that_the_environment_names(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://footnote@db.example.com/production")
    given = environment("http://127.0.0.1:1")["DATABASE_URL"]
    with psycopg.connect(given) as own:
        row = own.execute("SELECT current_database()").fetchone()
    assert row is not None and row[0] == connection.settings_dict["NAME"]
    assert row[0].startswith("test_")


def test_another_database_lies_on_the_same_server(transactional_db: None) -> None:
    with psycopg.connect(database_url("postgres")) as own:
        row = own.execute("SELECT current_database()").fetchone()
    assert row == ("postgres",)


def test_an_address_keeps_password_port_and_options() -> None:
    given = "postgres://foot%40note:p%2Fw%3A1@db.example.com:5433/test_it?sslmode=require"
    assert url_of(dj_database_url.parse(given)) == given
