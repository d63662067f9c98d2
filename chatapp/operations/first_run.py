"""What happens once: the first administrator, and the sample collection."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from chatapp.accounts.links import make_link
from chatapp.accounts.models import User
from chatapp.operations.models import Milestone
from retrieval.models import Collection, Document
from retrieval.pipeline.ingestion import receive_document
from retrieval.tenants import HOUSE

SAMPLE = Path(__file__).with_name("sample")
SAMPLE_NAME = "Sample handbook"
_LOADING_FOR = timedelta(minutes=3)


def ensure_administrator() -> None:
    if not User.objects.filter(is_superuser=True).exists():
        User.objects.create_user(username="admin", is_staff=True, is_superuser=True)


def welcome_link() -> str:
    """'' as soon as an administrator can sign in by themselves."""
    administrators = User.objects.filter(is_superuser=True, is_active=True).order_by("date_joined")
    if any(user.has_usable_password() for user in administrators):
        return ""
    first = administrators.first()
    return make_link(first) if first is not None else ""


def load_sample() -> bool:
    """True when it was loaded now. Never again after that, also when somebody deleted it."""
    with transaction.atomic():
        _, first_time = Milestone.objects.get_or_create(name="sample loaded")
        if not first_time or Collection.objects.exists():
            return False
        description = "A small company's handbook, to try Footnote with."
        collection = Collection.objects.create(name=SAMPLE_NAME, description=description, everyone=True)
    _receive_sample(collection)
    return True


def sample_collection() -> Collection | None:
    """None once it was deleted or given another name."""
    if not Milestone.objects.filter(name="sample loaded").exists():
        return None
    return Collection.objects.filter(name=SAMPLE_NAME, tenant=HOUSE).first()


def sample_is_loading() -> bool:
    """In the first minutes, until each of its documents is ready or has failed."""
    recent = timezone.now() - _LOADING_FOR
    if not Milestone.objects.filter(name="sample loaded", at__gt=recent).exists():
        return False
    pending = Document.objects.exclude(status__in=(Document.Status.READY, Document.Status.FAILED))
    return pending.filter(collection__name=SAMPLE_NAME, created_at__gt=recent).exists()


def _receive_sample(collection: Collection) -> None:
    administrator = User.objects.filter(is_superuser=True).order_by("date_joined").first()
    for path in sorted(p for p in SAMPLE.iterdir() if p.is_file()):
        with path.open("rb") as content:
            receive_document(collection=collection, name=path.name, path=path.name, content=content, by=administrator)
