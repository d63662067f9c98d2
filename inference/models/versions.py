"""The registry of models."""

from __future__ import annotations

import uuid
from decimal import Decimal

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from inference.models.addresses import check_address

KEY_NAME = r"INFERENCE_KEY_[A-Z0-9_]{1,60}"  # a prefix of its own: no row can send another secret somewhere


class ModelVersion(models.Model):
    """A GGUF file that the model service can load, or an endpoint that answers. At most one file is the default."""

    class Kind(models.TextChoices):
        FILE = "file", _("GGUF file, run by the model service")
        OPENAI = "openai", _("OpenAI-compatible endpoint")
        AZURE = "azure", _("Azure OpenAI")
        ANTHROPIC = "anthropic", _("Anthropic Messages API")

    class State(models.TextChoices):
        READY = "ready", _("ready: routes may use it")
        REJECTED = "rejected", _("rejected: a roll-out found it worse")
        RETIRED = "retired", _("retired: kept for the record")

    class Capability(models.TextChoices):
        JSON_SCHEMA = "json_schema", _("answers in a given JSON schema")
        LOGPROBS = "logprobs", _("log probabilities")
        SEED = "seed", _("repeatable with a seed")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.SlugField(max_length=120, unique=True, help_text=_("As people see it beside an answer."))
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.FILE)
    state = models.CharField(max_length=12, choices=State, default=State.READY)
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="children")

    # A file.
    path = models.CharField(max_length=1000, blank=True)
    source = models.CharField(max_length=1000, blank=True, help_text=_("Where it was pulled from, or how it was made."))
    sha256 = models.CharField(max_length=64, blank=True)
    size = models.BigIntegerField(default=0)
    quantization = models.CharField(max_length=40, blank=True)
    default = models.BooleanField(default=False)

    # An endpoint.
    base_url = models.CharField(
        _("address"),
        max_length=500,
        blank=True,
        validators=[check_address],
        help_text=_("Up to /v1 for OpenAI-compatible ones; the resource's address for Azure; the host for Anthropic."),
    )
    model = models.CharField(
        _("model there"), max_length=200, blank=True, help_text=_("The model's name at the endpoint.")
    )
    api_version = models.CharField(max_length=40, blank=True, help_text=_("Azure only, such as 2024-10-21."))
    key_name = models.CharField(
        _("key's setting"),
        max_length=80,
        blank=True,
        validators=[RegexValidator(f"^{KEY_NAME}$", _("Such as INFERENCE_KEY_OPENAI: capitals, digits, underscores."))],
        help_text=_(
            "The environment variable that holds the key, INFERENCE_KEY_…; the key itself is never stored here."
        ),
    )
    outside = models.BooleanField(
        default=False,
        help_text=_("What it is asked leaves the house. Collections that stay in the house never reach it."),
    )

    licence = models.CharField(max_length=200, blank=True)
    context_tokens = models.PositiveIntegerField(default=0, help_text=_("0: not known."))
    capabilities = ArrayField(models.CharField(max_length=20, choices=Capability), default=list, blank=True)
    price_prompt = models.DecimalField(
        _("price of a million prompt tokens"),
        max_digits=12,
        decimal_places=4,
        default=Decimal(0),
        validators=[MinValueValidator(Decimal(0))],
        help_text=_("In the currency of your contract."),
    )
    price_completion = models.DecimalField(
        _("price of a million tokens of answers"),
        max_digits=12,
        decimal_places=4,
        default=Decimal(0),
        validators=[MinValueValidator(Decimal(0))],
        help_text=_("In the currency of your contract."),
    )
    monthly_budget = models.DecimalField(
        max_digits=12,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal(0))],
        help_text=_("In the currency of the prices. Routes may ask how much of it is left. Empty: no bound."),
    )
    measured = models.JSONField(default=dict, blank=True)  # {"decode_tokens_s", "prefill_tokens_s", "perplexity", ...}
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["default"], condition=Q(default=True), name="one_default_model"),
            models.CheckConstraint(condition=Q(default=False) | Q(kind="file"), name="the_default_is_a_file"),
            models.CheckConstraint(
                condition=(Q(kind="file") & ~Q(path="")) | (~Q(kind="file") & ~Q(base_url="")),
                name="a_file_has_a_path_an_endpoint_an_address",
            ),
        ]

    def __str__(self) -> str:
        return self.name
