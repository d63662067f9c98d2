"""Chat templates come with model files, which are untrusted input."""

from __future__ import annotations

import time
from pathlib import Path

import openai
import pytest

from inference.config import LocalModel
from tests.inference.conftest import Service, Serving
from tests.tiny_gguf import TEMPLATE, make

SAY = [{"role": "user", "content": "x"}]
ENDLESS = {
    "nested loops": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "a huge string": "{{ 'x' * 10**11 }}",
    "a padded string": "{{ 'x'.ljust(10**11) }}",
    "a formatted string": "{{ '%100000000000d' % 1 }}",
    "doubling": "{% set n = namespace(t='xx') %}{% for i in range(60) %}{% set n.t = n.t ~ n.t %}{% endfor %}{{ n.t }}",
    "a power": "{{ 9 ** (9 ** 9) }}",
    "recursion": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "a long text": "{% for i in range(50000) %}{{ bos_token }}xxxxxxxx{% endfor %}",
}
BROKEN = {
    "syntax": "{% for %}",
    "a refusal": "{{ raise_exception('no') }}",
    "the type's bases": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "globals": "{{ raise_exception.__globals__['__builtins__'] }}",
    "an import": "{% import 'os' as os %}{{ os.listdir('/') }}",
    "an include": "{% include '/etc/passwd' %}",
    "a filter's way": "{{ messages|map(attribute='__class__')|list|first|attr('__init__') }}{{ nothing.here }}",
    "a changed list": "{{ messages.append(1) }}",
}


async def _refused(service: Service, path: Path) -> openai.APIStatusError:
    service.installed[:] = [LocalModel("tiny", path)]
    async with service.client() as client:
        with pytest.raises(openai.APIStatusError) as refused:
            await client.chat.completions.create(model="tiny", messages=SAY, max_tokens=1)  # type: ignore[arg-type]
        assert [model.id async for model in client.models.list()] == ["tiny"]
    return refused.value


@pytest.mark.parametrize("kind", ENDLESS)
async def test_a_template_that_computes_without_end_is_refused_in_seconds(
    service: Service, tmp_path: Path, kind: str
) -> None:
    path = make(tmp_path / "tiny.gguf", template=ENDLESS[kind])
    begun = time.monotonic()
    error = await _refused(service, path)
    assert (error.status_code, error.code) == (422, "model_file_rejected") and "chat template" in error.message
    assert time.monotonic() - begun < 8


@pytest.mark.parametrize("kind", BROKEN)
async def test_a_template_that_reaches_for_more_than_messages_is_refused(
    service: Service, tmp_path: Path, kind: str
) -> None:
    error = await _refused(service, make(tmp_path / "tiny.gguf", template=BROKEN[kind]))
    assert (error.status_code, error.code) == (422, "model_file_rejected")


async def test_a_template_cannot_run_a_command(service: Service, tmp_path: Path) -> None:
    command = f"touch {tmp_path}/was-here"
    reach = "{% for c in ''.__class__.__base__.__subclasses__() %}{{ c.__init__.__globals__['os'].system('" + command
    await _refused(service, make(tmp_path / "tiny.gguf", template=reach + "') }}{% endfor %}"))
    assert not (tmp_path / "was-here").exists()


async def test_a_template_without_a_system_role_gets_the_instructions_with_the_first_question(
    serving: Serving, tmp_path: Path
) -> None:
    strict = "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    system = [{"role": "system", "content": "abc"}, *SAY]
    async with serving(make(tmp_path / "tiny.gguf", template=strict + TEMPLATE)) as service, service.client() as client:
        with_system, without = [
            await client.chat.completions.create(model="tiny", messages=asked, max_tokens=1)  # type: ignore[arg-type]
            for asked in (system, SAY)
        ]
    assert with_system.usage and without.usage
    assert with_system.usage.prompt_tokens - without.usage.prompt_tokens == len("abc\n\n")


async def test_the_second_prompt_of_a_shape_does_not_render_again(serving: Serving, tmp_path: Path) -> None:
    async with serving(make(tmp_path / "tiny.gguf")) as service, service.client() as client:
        times = []
        for _ in range(5):
            begun = time.monotonic()
            await client.chat.completions.create(model="tiny", messages=SAY, max_tokens=1)  # type: ignore[arg-type]
            times.append(time.monotonic() - begun)
    assert min(times[1:]) < 0.05
