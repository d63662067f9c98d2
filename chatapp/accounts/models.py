"""The people who use Footnote."""

from __future__ import annotations

import uuid
from typing import cast

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from chatapp.accounts.scopes import Grant
from retrieval.tenants import HOUSE


class User(AbstractUser):
    """An administrator is a superuser; everybody else reads what their groups may read."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    is_service = models.BooleanField(_("service account"), default=False, db_default=False, editable=False)
    owner = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="service_accounts")
    contact = models.CharField(max_length=200, blank=True, default="", db_default="")
    organisation = models.ForeignKey(
        "organisations.Organisation",
        default=HOUSE,
        db_default=HOUSE,
        on_delete=models.PROTECT,
        related_name="people",
    )
    organisation_since = models.DateTimeField(null=True, editable=False)  # null: from the beginning
    closed_with_organisation = models.BooleanField(default=False, db_default=False, editable=False)  # and opens with it
    by_provider_at = models.DateTimeField(null=True, editable=False)  # last sign-in by a provider or directory

    grant: Grant | None = None  # of the key that this request bears

    class Meta(AbstractUser.Meta):
        verbose_name, verbose_name_plural = _("person"), _("people")  # type: ignore[assignment]
        constraints = [
            models.CheckConstraint(
                condition=Q(is_service=False) | Q(is_superuser=False, is_staff=False),
                name="service_accounts_administer_nothing",
            )
        ]

    @property
    def only_collections(self) -> frozenset[uuid.UUID] | None:
        """Of those that the person may read, the ones that this request is about; None: all."""
        return self.grant.collections if self.grant else None

    @property
    def is_of_a_widget(self) -> bool:
        """Whom visitors of a chat widget ask as: what it may is the widget's matter."""
        return self.is_service and hasattr(self, "widget")

    @property
    def tenant(self) -> uuid.UUID:
        """Whose collections this person may read some of."""
        return cast(uuid.UUID, self.organisation_id)

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Who was moved to another organisation signs in again: what was opened in the one before is not carried on."""
        plain: str = super()._get_session_auth_hash(secret)  # type: ignore[misc]
        if self.organisation_since is None:
            return plain
        salt = "chatapp.accounts.organisation"
        return salted_hmac(salt, f"{plain} {self.organisation_since.isoformat()}", secret=secret).hexdigest()

    def set_password(self, raw_password: str | None) -> None:
        """A service account never has one: only keys open anything for it."""
        super().set_password(None if self.is_service else raw_password)


class ServiceAccount(User):
    """A program's account, shown apart from people."""

    class Meta:
        proxy = True


class OneTimeLink(models.Model):
    """A link that signs one person in once, for the first administrator and for lost passwords. Stored hashed."""

    user = models.ForeignKey(User, on_delete=models.CASCADE)
    token_sha256 = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"for {self.user_id} until {self.expires_at}"


class ApiKey(models.Model):
    """Lets a program do what its person may do, or a part of it: a list that is null leaves all. Stored hashed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100)
    sha256 = models.CharField(max_length=64, unique=True)
    hint = models.CharField(max_length=4)  # the end of the key, to tell it from others
    actions = models.JSONField(null=True)  # of scopes.Action
    collections = models.JSONField(null=True)  # their ids
    model_names = models.JSONField(null=True)  # routes and models that may be asked
    signed = models.BooleanField(default=False, db_default=False)  # each request must bear a signature
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    rests_since = models.DateTimeField(null=True)  # noted when it was refused for that; see resting.py

    class Meta:
        verbose_name = _("API key")
        constraints = [
            models.UniqueConstraint(
                fields=["user", "name"], condition=models.Q(revoked_at=None), name="one_key_in_use_of_each_name"
            )
        ]

    @property
    def tenant(self) -> uuid.UUID:
        return self.user.tenant

    def __str__(self) -> str:
        return f"{self.name} …{self.hint}"


class UsedNonce(models.Model):
    """Of a signed request, for as long as its time would be believed: it is not taken a second time."""

    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE)
    nonce = models.CharField(max_length=64)
    until = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "nonce"], name="nonce_is_used_once")]

    def __str__(self) -> str:
        return self.nonce
