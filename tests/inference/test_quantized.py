"""Quantized weights take other kernels of llama.cpp than plain ones, and those differ from processor to processor."""

from __future__ import annotations

import ctypes
from pathlib import Path

import httpx
import llama_cpp as ll
import pytest

from tests.inference.conftest import Serving
from tests.tiny_gguf import make


@pytest.mark.parametrize("kind", ["Q4_0", "Q8_0", "Q4_K_M"])
async def test_a_quantized_model_answers(serving: Serving, tmp_path: Path, kind: str) -> None:
    plain, target = make(tmp_path / "plain.gguf"), tmp_path / "small.gguf"
    parameters = ll.llama_model_quantize_default_params()
    parameters.ftype = getattr(ll, f"LLAMA_FTYPE_MOSTLY_{kind}")
    assert ll.llama_model_quantize(str(plain).encode(), str(target).encode(), ctypes.byref(parameters)) == 0
    assert target.stat().st_size < plain.stat().st_size
    headers = {"Authorization": "Bearer token"}
    async with serving(target) as service, httpx.AsyncClient(base_url=service.url, headers=headers) as client:
        body = {"messages": [{"role": "user", "content": "x" * 300}], "max_tokens": 20}
        answer = await client.post("/v1/chat/completions", json=body, timeout=30)
    assert answer.status_code == 200 and answer.json()["usage"]["prompt_tokens"] > 300
