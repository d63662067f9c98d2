"""Static files: one address for each state of all of them, compressed, kept for good."""

from __future__ import annotations

import gzip
import os
import time
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.http import HttpResponse
from django.template import engines
from django.templatetags.static import static
from django.test import RequestFactory

from chatapp import static_files
from chatapp.static_files import StaticFilesMiddleware, modules_of, pack, version

FOREVER = "max-age=315360000, public, immutable"


@pytest.fixture
def server(tmp_path: Path, settings: Any) -> StaticFilesMiddleware:
    settings.VAR_DIR, settings.STATIC_ROOT = tmp_path, None
    return StaticFilesMiddleware(lambda request: HttpResponse(status=404), settings)


def get(server: StaticFilesMiddleware, path: str, **headers: Any) -> Any:
    return server(RequestFactory().get(path, **headers))


def test_a_file_is_kept_for_good_under_the_address_that_pages_name(server: StaticFilesMiddleware) -> None:
    answer = get(server, static("js/chat.js"))
    assert (answer.status_code, answer["Cache-Control"]) == (200, FOREVER)
    assert b"".join(answer) == Path("static/js/chat.js").read_bytes()


@pytest.mark.parametrize("prefix", ["/static/", "/static/v-0123456789ab/"])
def test_under_any_other_address_it_is_asked_for_again(server: StaticFilesMiddleware, prefix: str) -> None:
    answer = get(server, f"{prefix}js/chat.js")
    assert (answer.status_code, answer["Cache-Control"]) == (200, "max-age=60, public")


def test_a_file_is_sent_whole(server: StaticFilesMiddleware) -> None:
    whole = Path("static/js/chat.js").read_bytes()
    answer = get(server, static("js/chat.js"))
    assert not answer.streaming and answer.content == whole and answer["Content-Length"] == str(len(whole))
    part = get(server, static("js/chat.js"), headers={"Range": "bytes=2-5"})
    assert (part.status_code, part.content) == (206, whole[2:6])
    head = server(RequestFactory().head(static("js/chat.js")))
    assert (head.content, head["Content-Length"]) == (b"", str(len(whole)))


def test_what_is_no_file_is_left_to_django(server: StaticFilesMiddleware) -> None:
    assert get(server, f"/static/{version()}/js/none.js").status_code == 404
    assert get(server, f"/static/{version()}/../chatapp/settings.py").status_code == 404


def test_scripts_and_the_admin_s_styles_are_compressed_for_who_takes_that(server: StaticFilesMiddleware) -> None:
    for name in ("js/chat.js", "css/base.css", "admin/css/base.css"):
        packed = get(server, static(name), HTTP_ACCEPT_ENCODING="gzip, br")
        content = b"".join(packed)
        assert (packed["Content-Encoding"], packed["Vary"]) == ("gzip", "Accept-Encoding")
        assert int(packed["Content-Length"]) == len(content) < len(gzip.decompress(content)) / 2
        assert "Content-Encoding" not in get(server, static(name))


def test_a_part_of_a_script_is_a_part_of_its_words(server: StaticFilesMiddleware) -> None:
    part = get(server, static("js/chat.js"), HTTP_RANGE="bytes=0-9")
    assert (part.status_code, b"".join(part)) == (206, Path("static/js/chat.js").read_bytes()[:10])


def test_the_version_changes_with_any_file(tmp_path: Path, settings: Any) -> None:
    settings.STATICFILES_DIRS = [tmp_path]
    versions = set()
    for words in ("one", "two"):
        (tmp_path / "a.js").write_text(words)
        versions.add(version.__wrapped__())
    assert len(versions) == 2 and version.__wrapped__() in versions


def test_files_are_found_by_an_address_with_a_version() -> None:
    assert finders.find(f"{version()}/js/chat.js") == finders.find("js/chat.js")
    assert finders.find(f"{version()}/js/none.js") is None


def test_a_folder_that_cannot_be_written_costs_the_compression_alone(tmp_path: Path) -> None:
    script = tmp_path / "a.js"
    script.write_text("words " * 500)
    (tmp_path / "file").write_text("")
    assert pack(script, tmp_path / "file") is None
    assert pack(script, tmp_path / "packed") is not None


def test_small_files_and_pictures_stay_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text("1")
    (tmp_path / "a.png").write_bytes(b"x" * 5000)
    assert pack(tmp_path / "a.js", tmp_path) is None and pack(tmp_path / "a.png", tmp_path) is None


def test_what_an_earlier_version_compressed_goes_after_a_month(tmp_path: Path) -> None:
    old, young, used = (tmp_path / f"{name}.gz" for name in ("old", "young", "used"))
    for path in (old, young, used):
        path.write_bytes(b"")
    a_month_ago = time.time() - 31 * 24 * 3600
    os.utime(old, (a_month_ago, a_month_ago))
    os.utime(used, (a_month_ago, a_month_ago))
    static_files.forget_others(tmp_path, {used})
    assert [path.exists() for path in (old, young, used)] == [False, True, True]


def test_the_chat_page_names_all_modules_that_its_script_needs_at_once() -> None:
    needed = modules_of("js/chat.js")
    assert {"js/session.js", "js/tree.js", "js/markdown.js", "vendor/marked/marked.js"} <= set(needed)
    assert not {"js/pdf-view.js", "vendor/pdfjs/pdf.js", "vendor/highlight/highlight.js"} & set(needed)
    head = engines["django"].from_string("{% load modules %}{% preload_modules 'js/chat.js' %}").render()
    assert head.count("modulepreload") == len(needed) and static("js/tree.js") in head
