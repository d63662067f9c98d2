"""Pictures of the administration of models, to look at. Taken only on demand: FOOTNOTE_SCREENSHOTS=folder."""

from __future__ import annotations

import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from chatapp.governance.models import AuditEntry
from inference import rollouts
from inference.models import Candidate, Job, ModelVersion, Outcome, Rollout, Route
from retrieval.models import Collection, Document
from retrieval.versions.current import serving_for_writing
from retrieval.versions.models import IndexedDocument, IndexServiceState, IndexVersion
from tests.browser.test_screenshots import FOLDER, shoot

pytestmark = pytest.mark.skipif(not FOLDER, reason="pictures are taken on demand: FOOTNOTE_SCREENSHOTS=folder")


@pytest.fixture
def rollout(page: Any, person: Any, tmp_path: Path) -> Rollout:
    """A small model with what was measured of it, two endpoints, and a roll-out that is under way."""
    path = tmp_path / "small.gguf"
    path.write_bytes(b"GGUF")
    small = ModelVersion.objects.create(
        name="small-q4", path=str(path), size=2_300_000, quantization="Q4_K_M", default=True, context_tokens=4096,
        licence="apache-2.0", measured={"decode_tokens_s": 31.25, "prefill_tokens_s": 270.5, "perplexity": 17.84},
    )  # fmt: skip
    at = {"kind": "openai", "base_url": "https://models.example.com/v1", "outside": True}
    prices = {"price_prompt": Decimal("2"), "price_completion": Decimal("8"), "monthly_budget": Decimal("500")}
    gamma = ModelVersion.objects.create(name="gamma", model="gamma-2", key_name="INFERENCE_KEY_GAMMA", **at, **prices)
    delta = ModelVersion.objects.create(name="delta", model="delta-1", **at, **prices)
    route = Route.objects.create(name="page", default=True, description="What the chat page asks.")
    Candidate.objects.create(route=route, version=gamma, position=0, languages=["de"])
    Candidate.objects.create(route=route, version=small, position=1)
    started = rollouts.start(route=route, new=delta, share=20, by=person, current=small, leaves_the_house=True)
    for number in range(60):
        Outcome.objects.create(
            turn=uuid.uuid4(), route="page", engine="local: small-q4", version=[small, delta][number % 3 == 0],
            rollout=started, first_token_ms=300 + number, writing_ms=2000, prompt_tokens=900, completion_tokens=120,
            failed=number % 20 == 0, code="engine_unavailable" if number % 20 == 0 else "",
        )  # fmt: skip
    Job.objects.create(kind="bench", version=small, state="running", progress=0.4, step="Reading the text: 40 %")
    source = {"source": "hub:acme/small/small-q4.gguf"}
    Job.objects.create(kind="pull", parameters=source, state="queued", step="downloading, 398.6 MB of 2.50 GB")
    figures = {"decode_tokens_s": 31.25, "perplexity": 17.84, "processors": 8, "processors_of_others": 3.1}
    result = {"before": figures, "after": figures | {"agreement": 0.953}}
    Job.objects.create(kind="quantize", version=small, state="done", result=result)
    Job.objects.create(kind="quantize", version=small, state="failed", error="There is not enough room on the disk.")
    return started


def test_pictures_of_the_administration_of_models(page: Any, rollout: Rollout) -> None:
    small = ModelVersion.objects.get(name="small-q4")
    pages = {
        "index": "", "versions": "inference/modelversion/", "version": f"inference/modelversion/{small.pk}/change/",
        "version-add": "inference/modelversion/add/", "routes": "inference/route/",
        "route": f"inference/route/{rollout.route_id}/change/", "explain": "inference/route/explain/",
        "rollouts": "inference/rollout/", "rollout": f"inference/rollout/{rollout.pk}/change/",
        "jobs": "inference/job/", "job": f"inference/job/{Job.objects.get(state='failed').pk}/change/",
        "job-done": f"inference/job/{Job.objects.get(state='done').pk}/change/",
        "job-pull": f"inference/job/{Job.objects.get(kind='pull').pk}/change/",
        "job-add": "inference/job/add/", "audit": "governance/auditentry/",
    }  # fmt: skip
    assert AuditEntry.objects.exists()
    for name, path in pages.items():
        assert page.goto(f"/admin/{path}").status == 200, path
        shoot(page, f"admin-{name}")
    page.goto("/admin/inference/modelversion/")
    page.get_by_role("row", name="delta").get_by_role("checkbox").check()
    page.locator("select[name=action]").select_option("let_answer")
    page.locator("button[name=index]").click()
    shoot(page, "admin-let-answer")


def test_pictures_of_the_administration_of_index_versions(page: Any, person: Any) -> None:
    handbook = Collection.objects.create(name="Handbook")
    documents = [
        Document.objects.create(
            collection=handbook,
            name=f"rules {n}.pdf",
            size=1,
            sha256=f"{n:064}",
            status="ready",
            ready_at=timezone.now(),
        )
        for n in range(40)
    ]
    with transaction.atomic():
        serving = serving_for_writing()
    made = {"embedding_model": "multilingual-e5-small", "requested_by": person}
    building = IndexVersion.objects.create(
        kind="milvus", note="Better for German.", gate="Rules", moved_at=timezone.now(), **made
    )
    IndexVersion.objects.create(
        status="failed", error="The embedding model is not on this machine.", error_code="another_embedding_model",
        ended_at=timezone.now(), **made,
    )  # fmt: skip
    IndexedDocument.objects.bulk_create(
        IndexedDocument(version=building, document=one, passages=12, error="The stored file is gone." if n > 22 else "")
        for n, one in enumerate(documents[:25])
    )
    IndexServiceState.objects.create(name="east 7", seen_at=timezone.now(), serving=serving.pk, holds={serving.pk: 4})
    for name, path in {"": "", "-one": f"{building.pk}/change/", "-add": "add/"}.items():
        assert page.goto(f"/admin/versions/indexversion/{path}").status == 200, path
        shoot(page, f"admin-index-versions{name}")
