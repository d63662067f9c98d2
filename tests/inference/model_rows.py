"""A registry as a house might have it: files, endpoints, a route, a roll-out with answers, a rejected version."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from django.utils import timezone

from inference import rollouts
from inference.models import Candidate, ModelVersion, Outcome, Rollout, Route


@dataclass(frozen=True)
class House:
    old: ModelVersion
    new: ModelVersion
    cloud: ModelVersion
    route: Route
    rollout: Rollout


def furnish(folder: Path) -> House:
    old = _file(folder, "qwen3-4b-q4", default=True, quantization="Q4_K", size=2_497_280_256)
    old.measured = {"decode_tokens_s": 21.4, "prefill_tokens_s": 180.2, "perplexity": 9.81}
    old.save()
    new = _file(folder, "qwen3-8b-q4", quantization="Q4_K", size=5_027_783_872)
    _file(folder, "llama-old", state=ModelVersion.State.RETIRED, size=1_200_000_000, quantization="Q8_0")
    cloud = ModelVersion.objects.create(
        name="gpt-cloud",
        kind="openai",
        base_url="https://api.example.com/v1",
        model="gpt-6-mini",
        outside=True,
        price_prompt=Decimal("0.4"),
        price_completion=Decimal("1.6"),
        monthly_budget=Decimal(200),
        key_name="INFERENCE_KEY_CLOUD",
    )
    route = rollouts.default_route()
    Candidate.objects.create(route=route, version=old, position=1)
    Candidate.objects.create(route=route, version=cloud, position=2, languages=["de", "en"], least_budget_percent=5)
    rollout = rollouts.start(route=route, new=new, by=None, share=20)
    chance = random.Random(3)
    _answered(chance, rollout, old, 160, first=240, pace=21)
    _answered(chance, rollout, new, 42, first=310, pace=17)
    Outcome.objects.create(engine="api: gpt-cloud", version=cloud, cost=Decimal("83.12"))
    return House(old, new, cloud, route, rollout)


def _file(folder: Path, name: str, **fields: object) -> ModelVersion:
    path = folder / f"{name}.gguf"
    path.touch()
    values = {"licence": "apache-2.0", "context_tokens": 32_768, "sha256": "0" * 64, **fields}
    return ModelVersion.objects.create(name=name, path=str(path), **values)


def _answered(
    chance: random.Random, rollout: Rollout, version: ModelVersion, count: int, first: int, pace: int
) -> None:
    Outcome.objects.bulk_create(
        Outcome(
            turn=uuid.uuid4(),
            route=rollout.route.name,
            engine=f"local: {version}",
            version=version,
            rollout=rollout,
            failed=chance.random() < 0.03,
            first_token_ms=round(chance.lognormvariate(0, 0.3) * first),
            writing_ms=round(200_000 / chance.gauss(pace, 2)),
            prompt_tokens=1200,
            completion_tokens=200,
            rating=chance.choice([1, 1, -1]) if chance.random() < 0.15 else None,
        )
        for _ in range(count)
    )
    Outcome.objects.filter(version=version).update(at=timezone.now() - timedelta(minutes=5))
