"""What is uploaded lies outside of what is served as pages, under a name of ours, and comes back as a file alone."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from retrieval import files
from retrieval.models import Document
from tests.access.house import House, build

PAGE = b"<!doctype html><script>alert(1)</script><p>Leave is 28 days.</p>"


@pytest.fixture
def house(transactional_db: None) -> House:
    return build()


@pytest.mark.parametrize("name", ["page.html", "../../../etc/cron.d/x.html", "x.svg", ".htaccess", "a\u202eb.html"])
def test_an_upload_lies_under_its_hash_and_is_never_shown_as_a_page(house: House, name: str) -> None:
    client = house.client("administrator")
    address = f"/api/collections/{house.parts['collection'].pk}/documents/"
    answer = client.post(address, {"file": SimpleUploadedFile(name, PAGE, "text/html")})
    assert answer.status_code in (201, 202), answer.content
    document = Document.objects.exclude(pk=house.parts["document"].pk).latest("created_at")
    assert document.sha256 == hashlib.sha256(PAGE).hexdigest() and "/" not in document.name
    stored = files.stored_file(document.sha256)
    assert stored.read_bytes() == PAGE and document.sha256 in stored.name
    for served in (*map(Path, settings.STATICFILES_DIRS), Path(settings.STATIC_ROOT)):
        assert served.resolve() not in stored.resolve().parents
    shown = client.get(f"/documents/{document.pk}/file/")
    assert shown.headers["Content-Disposition"].startswith("attachment")
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    assert "\n" not in shown.headers["Content-Disposition"]
    shown.close()
