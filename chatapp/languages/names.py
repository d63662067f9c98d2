"""Names of models and fields that Django makes of their names in the code, where administration pages show them.

A `verbose_name` on each of them would say the same again and be a migration of every table. So they are looked up once
everything is loaded: what stands in NAMES is shown in the language of the page, what does not stays as Django made it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db.models import Field, Model
from django.utils.translation import gettext_lazy, gettext_noop

NAMES: frozenset[str] = frozenset(
    {
        # Models, one and several.
        gettext_noop("service account"),
        gettext_noop("service accounts"),
        gettext_noop("API keys"),
        gettext_noop("source"),
        gettext_noop("sources"),
        gettext_noop("index version"),
        gettext_noop("index versions"),
        gettext_noop("collection"),
        gettext_noop("collections"),
        gettext_noop("document"),
        gettext_noop("documents"),
        gettext_noop("evaluation run"),
        gettext_noop("evaluation runs"),
        gettext_noop("question set"),
        gettext_noop("question sets"),
        gettext_noop("question set version"),
        gettext_noop("question set versions"),
        gettext_noop("audit entry"),
        gettext_noop("budget"),
        gettext_noop("budgets"),
        gettext_noop("limit"),
        gettext_noop("limits"),
        gettext_noop("organisation"),
        gettext_noop("organisations"),
        gettext_noop("retention rule"),
        gettext_noop("retention rules"),
        gettext_noop("roles"),
        gettext_noop("filter rule"),
        gettext_noop("filter rules"),
        gettext_noop("word list"),
        gettext_noop("word lists"),
        gettext_noop("provisioning client"),
        gettext_noop("provisioning clients"),
        gettext_noop("identity provider"),
        gettext_noop("identity providers"),
        gettext_noop("authenticator"),
        gettext_noop("authenticators"),
        gettext_noop("chat widgets"),
        gettext_noop("job"),
        gettext_noop("jobs"),
        gettext_noop("roll-outs"),
        gettext_noop("route"),
        gettext_noop("routes"),
        gettext_noop("candidate"),
        gettext_noop("candidates"),
        gettext_noop("model version"),
        gettext_noop("model versions"),
        # Fields.
        gettext_noop("action"),
        gettext_noop("actions"),
        gettext_noop("account"),
        gettext_noop("actor"),
        gettext_noop("amount"),
        gettext_noop("answered"),
        gettext_noop("api version"),
        gettext_noop("asked by"),
        gettext_noop("at"),
        gettext_noop("attempts"),
        gettext_noop("capabilities"),
        gettext_noop("certificate"),
        gettext_noop("chunk overlap tokens"),
        gettext_noop("chunk tokens"),
        gettext_noop("client id"),
        gettext_noop("contact"),
        gettext_noop("context tokens"),
        gettext_noop("created at"),
        gettext_noop("created by"),
        gettext_noop("current"),
        gettext_noop("dated at"),
        gettext_noop("days"),
        gettext_noop("default"),
        gettext_noop("description"),
        gettext_noop("detail"),
        gettext_noop("dimension"),
        gettext_noop("domains"),
        gettext_noop("due at"),
        gettext_noop("embedding model"),
        gettext_noop("enabled"),
        gettext_noop("ended at"),
        gettext_noop("error"),
        gettext_noop("error code"),
        gettext_noop("expires at"),
        gettext_noop("finished at"),
        gettext_noop("gate"),
        gettext_noop("given at"),
        gettext_noop("greeting"),
        gettext_noop("group"),
        gettext_noop("groups"),
        gettext_noop("groups claim"),
        gettext_noop("hash"),
        gettext_noop("hint"),
        gettext_noop("issuer"),
        gettext_noop("key"),
        gettext_noop("key name"),
        gettext_noop("kind"),
        gettext_noop("languages"),
        gettext_noop("last used at"),
        gettext_noop("least answers"),
        gettext_noop("least ratings"),
        gettext_noop("licence"),
        gettext_noop("made"),
        gettext_noop("measured"),
        gettext_noop("media type"),
        gettext_noop("model names"),
        gettext_noop("monthly budget"),
        gettext_noop("name"),
        gettext_noop("new"),
        gettext_noop("note"),
        gettext_noop("number"),
        gettext_noop("origin"),
        gettext_noop("origins"),
        gettext_noop("outcome"),
        gettext_noop("outside"),
        gettext_noop("owner"),
        gettext_noop("pages"),
        gettext_noop("parent"),
        gettext_noop("passage count"),
        gettext_noop("path"),
        gettext_noop("patterns"),
        gettext_noop("person"),
        gettext_noop("position"),
        gettext_noop("previous hash"),
        gettext_noop("private networks"),
        gettext_noop("progress"),
        gettext_noop("quantization"),
        gettext_noop("questions"),
        gettext_noop("queued at"),
        gettext_noop("readers"),
        gettext_noop("ready at"),
        gettext_noop("reason"),
        gettext_noop("renewed at"),
        gettext_noop("reply"),
        gettext_noop("requested by"),
        gettext_noop("required groups"),
        gettext_noop("resource"),
        gettext_noop("rests since"),
        gettext_noop("revoked at"),
        gettext_noop("role"),
        gettext_noop("scopes"),
        gettext_noop("sealed"),
        gettext_noop("seconds"),
        gettext_noop("sensitivity"),
        gettext_noop("sequence"),
        gettext_noop("served at"),
        gettext_noop("session hours"),
        gettext_noop("settings"),
        gettext_noop("share"),
        gettext_noop("side"),
        gettext_noop("signed"),
        gettext_noop("size"),
        gettext_noop("started at"),
        gettext_noop("started by"),
        gettext_noop("state"),
        gettext_noop("status"),
        gettext_noop("stays in house"),
        gettext_noop("step"),
        gettext_noop("subject"),
        gettext_noop("tasks"),
        gettext_noop("title"),
        gettext_noop("together"),
        gettext_noop("type"),
        gettext_noop("uploaded by"),
        gettext_noop("user"),
        gettext_noop("version"),
        gettext_noop("warnings"),
        gettext_noop("what"),
        gettext_noop("where"),
    }
)


def translate_names() -> None:
    """Once all models are loaded. Migrations look at what was written in the code, and see none of it."""
    for model in apps.get_models():
        _translate_model(model)
        for field in _fields(model):
            if field._verbose_name is None and str(field.verbose_name) in NAMES:  # type: ignore[attr-defined]
                field.verbose_name = gettext_lazy(str(field.verbose_name))


def _translate_model(model: type[Model]) -> None:
    for name in ("verbose_name", "verbose_name_plural"):
        text = str(getattr(model._meta, name))
        if name not in model._meta.original_attrs and text in NAMES:
            setattr(model._meta, name, gettext_lazy(text))


def _fields(model: type[Model]) -> Iterator[Field[Any, Any]]:
    yield from model._meta.local_fields
    yield from model._meta.local_many_to_many
