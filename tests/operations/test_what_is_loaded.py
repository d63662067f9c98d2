"""Every process starts Django: what only some of them use must not come with it."""

from __future__ import annotations

import subprocess
import sys

from django.conf import settings

_SHOWN = "import django, sys; django.setup(); print(*{name.partition('.')[0] for name in sys.modules})"
_PAGES = "import django, sys; django.setup(); print('chatapp.documents.source_admin' in sys.modules)"
_WEB = _SHOWN.replace("django.setup()", "django.setup(); import chatapp.asgi, chatapp.urls")


def said(code: str) -> str:
    started = [sys.executable, "-c", code]
    done = subprocess.run(started, cwd=settings.BASE_DIR, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout


def test_starting_django_loads_no_library_that_only_one_process_uses() -> None:
    loaded = set(said(f"import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'chatapp.settings'; {_SHOWN}").split())
    assert "django" in loaded
    assert not loaded & {"numpy", "lxml", "tokenizers", "snowballstemmer", "charset_normalizer", "faiss", "tantivy"}
    assert not loaded & {"requests", "cryptography", "onelogin", "fido2", "presidio_analyzer"}


def test_a_web_process_loads_nothing_that_reads_files_counts_tokens_or_searches() -> None:
    loaded = set(said(f"import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'chatapp.settings'; {_WEB}").split())
    assert {"channels", "inference"} <= loaded
    assert not loaded & {"lxml", "onelogin", "pypdfium2", "docx", "PIL"}
    assert not loaded & {"tokenizers", "onnxruntime", "faiss", "tantivy", "py3langid", "dulwich", "minio", "protego"}


def test_pages_of_the_administration_are_loaded_by_who_shows_them() -> None:
    start = "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'chatapp.settings'; "
    assert said(start + _PAGES).strip() == "False"
    assert said(start + _PAGES.replace("django.setup()", "django.setup(); import chatapp.urls")).strip() == "True"
