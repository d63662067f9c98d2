"""Sizes, speeds, prices and keys: the same on the pages under /admin/ and in `manage.py models`."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.templatetags.static import static
from django.test import Client

from inference.jobs.other_work import OtherWork
from inference.models import Job, ModelVersion
from tests.conftest import Cast, signed_in_client

VERSIONS = "/admin/inference/modelversion/"
QUIET = {"processors": 8, "processors_of_others": 0.1}
BUSY = {"processors": 8, "processors_of_others": 3.5}


@pytest.fixture
def admin(cast: Cast) -> Client:
    return signed_in_client(cast.administrator)


def _page(admin: Client, path: str) -> str:
    return " ".join(admin.get(path).content.decode().replace("\N{NO-BREAK SPACE}", " ").split())


def _command(*arguments: str) -> str:
    out = StringIO()
    call_command("models", *arguments, stdout=out)
    return out.getvalue()


def _file(name: str = "one", **values: Any) -> ModelVersion:
    return ModelVersion.objects.create(name=name, path=f"/nowhere/{name}.gguf", **values)


def _endpoint(**values: Any) -> ModelVersion:
    at = {"kind": "openai", "base_url": "https://llm.example.com/v1", "model": "m", "outside": True}
    return ModelVersion.objects.create(name="cloud", **at, **values)


@pytest.mark.parametrize(
    ("of_bytes", "shown"),
    [
        (1_500, "1.5 kB"),
        (999_999, "1.0 MB"),
        (2_312_000, "2.3 MB"),
        (999_000_000, "999.0 MB"),
        (999_999_999, "1.00 GB"),
        (2_497_280_256, "2.50 GB"),
    ],
)
def test_a_size_is_told_in_the_unit_that_fits_it(admin: Client, of_bytes: int, shown: str) -> None:
    one = _file(size=of_bytes)
    assert shown in _page(admin, VERSIONS) and shown in _command("list")
    exact = f"{shown} ({of_bytes:,} bytes)"
    assert exact in _page(admin, f"{VERSIONS}{one.pk}/change/") and exact in _command("show", "one")


def test_a_few_bytes_are_told_as_bytes(admin: Client) -> None:
    _file(size=500)
    assert "500 bytes" in _page(admin, VERSIONS) and "500 bytes" in _command("list")
    assert "500 bytes\n" in _command("show", "one")


def test_the_form_of_a_new_endpoint_takes_prices_from_its_address(admin: Client) -> None:
    answer = admin.get(f"{VERSIONS}add/?price_prompt=5&price_completion=much")
    assert answer.status_code == 200 and 'value="5"' in answer.content.decode()


@pytest.mark.parametrize(("value", "shown"), [(9.812, "9.81"), (1766351435.596, "1.8e9"), (4.3e12, "4.3e12")])
def test_a_perplexity_of_any_size_is_short_everywhere(admin: Client, value: float, shown: str) -> None:
    one = _file(measured={"perplexity": value})
    for told in (_page(admin, VERSIONS), _page(admin, f"{VERSIONS}{one.pk}/change/")):
        assert f">{shown}<" in told
    assert shown in _command("list") and shown in _command("show", "one")


def test_prices_are_the_same_in_the_list_on_the_page_and_in_the_command(admin: Client) -> None:
    cloud = _endpoint(price_prompt=Decimal("2.0000"), price_completion=Decimal("100.5000"))
    page = _page(admin, VERSIONS)
    assert "2 / 100.5" in page and "price of a million tokens, in / out" in page.lower()
    form = _page(admin, f"{VERSIONS}{cloud.pk}/change/")
    assert 'value="2"' in form and 'value="100.5"' in form and "In the currency of your contract." in form
    assert "2 / 100.5" in _command("list")
    assert "100.5 per million tokens, in the currency of your contract" in _command("show", "cloud")
    ModelVersion.objects.filter(pk=cloud.pk).update(price_completion=Decimal("12345.6789"))
    assert "12345.6789 per million" in _command("show", "cloud")
    assert "-" in next(line for line in _command("show", "cloud").splitlines() if line.startswith("monthly budget"))


@pytest.mark.parametrize(("beside", "busy"), [(QUIET, False), (BUSY, True), ({}, False)])
def test_a_speed_comes_with_what_the_machine_did_beside(admin: Client, beside: dict[str, Any], busy: bool) -> None:
    one = _file(measured={"decode_tokens_s": 21.4, **beside})
    shown = "21.4 (busy machine)" if busy else "21.4"
    note = (
        "Other work kept 3.5 of 8 processors busy meanwhile" if busy else "Speeds hold for a machine that does little"
    )
    assert f">{shown}<" in _page(admin, VERSIONS) and note in _page(admin, f"{VERSIONS}{one.pk}/change/")
    assert ("(busy machine)" in _command("list")) == busy and note in _command("show", "one")


def test_the_work_of_other_processes_is_measured_and_our_own_is_not() -> None:
    other_work, own = OtherWork(), time.process_time()
    burning = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        end = time.monotonic() + 1
        while time.monotonic() < end:
            pass
        found = other_work.processors()
    finally:
        burning.kill()
        burning.wait(10)
    own = time.process_time() - own
    assert found is not None and 0.3 < found < (os.cpu_count() or 1) - own + 0.3


def test_the_page_of_a_job_sets_before_beside_after(admin: Client) -> None:
    before, after = {"decode_tokens_s": 20.0, "perplexity": 9.8, **QUIET}, {"decode_tokens_s": 30.0, "perplexity": 1e9}
    job = Job.objects.create(kind="quantize", state="done", result={"before": before, "after": after | BUSY})
    page = _page(admin, f"/admin/inference/job/{job.pk}/change/")
    assert '<th scope="row">writing, tokens/s</th><td>20.0</td><td>30.0</td>' in page
    assert '<th scope="row">perplexity</th><td>9.800</td><td>1.0e9</td>' in page
    assert '<th scope="col">before</th><th scope="col">after</th>' in page and "Other work kept 3.5 of 8" in page


def test_a_key_that_is_not_set_is_told_wherever_the_endpoint_is_shown(admin: Client, settings: Any) -> None:
    cloud = _endpoint(key_name="INFERENCE_KEY_CLOUD")
    sentence = "INFERENCE_KEY_CLOUD is not set yet: set it, then restart Footnote"
    change = f"{VERSIONS}{cloud.pk}/change/"
    values = {"base_url": cloud.base_url, "model": "m", "key_name": cloud.key_name, "outside": "on", "state": "ready"}
    numbers = {"price_prompt": "0", "price_completion": "0", "context_tokens": "0"}
    assert sentence in _page(admin, change) and sentence in _command("show", "cloud")
    assert sentence in admin.post(change, values | numbers, follow=True).content.decode()
    settings.INFERENCE = replace(settings.INFERENCE, keys={"INFERENCE_KEY_CLOUD": "sesame"})
    assert sentence not in _command("show", "cloud")
    assert "INFERENCE_KEY_CLOUD is set." in _page(admin, change)
    assert sentence not in admin.post(change, values | numbers, follow=True).content.decode()


def test_the_pages_under_admin_have_the_site_s_icon(admin: Client) -> None:
    icon = static("icon.svg")
    for path in ("/admin/", VERSIONS, f"{VERSIONS}add/", "/admin/inference/job/add/", "/admin/login/"):
        assert f'<link rel="icon" href="{icon}"' in admin.get(path, follow=True).content.decode(), path
