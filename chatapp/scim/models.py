"""Programs that look after people and groups by SCIM, their tokens, and what each of them has made."""

from __future__ import annotations

import uuid

from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from chatapp.accounts.models import User
from chatapp.organisations.models import Organisation
from retrieval.tenants import HOUSE


class Subject(models.TextChoices):
    """Which attribute of a person is what the identity provider calls them at sign-in."""

    EXTERNAL_ID = "externalId", "externalId"
    USER_NAME = "userName", "userName"


class ProvisioningClient(models.Model):
    """One provisioning program of one directory. It sees the people and groups that it has made, and nobody else's."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100, unique=True)
    is_on = models.BooleanField(_("in use"), default=True)
    organisation = models.ForeignKey(
        Organisation,
        default=HOUSE,
        on_delete=models.PROTECT,
        related_name="+",
        help_text=_("Whose people and groups it makes. Cannot be changed."),
    )
    identity_provider = models.CharField(
        max_length=40, blank=True, help_text=_("Where its people sign in. Empty: they are not linked to a provider.")
    )
    subject = models.CharField(
        _("subject there is"),
        max_length=10,
        choices=Subject,
        default=Subject.EXTERNAL_ID,
        help_text=_("Which attribute is `sub` of OpenID Connect, or the NameID of SAML."),
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def tenant(self) -> uuid.UUID:
        return self.organisation.pk

    @property
    def giver(self) -> str:
        """Under which name it gives memberships. No identity provider has a colon in its name."""
        return f"scim:{self.pk.hex}"


class Token(models.Model):
    """Opens the doors of SCIM to one client. Stored hashed, ends by a day."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    client = models.ForeignKey(ProvisioningClient, on_delete=models.CASCADE, related_name="tokens")
    sha256 = models.CharField(max_length=64, unique=True)
    hint = models.CharField(max_length=4)  # the end of the token, to tell it from others
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"…{self.hint}"


class People(models.QuerySet["Person"]):
    def within_reach(self, client: ProvisioningClient) -> QuerySet[Person]:
        """Its own, as long as they are of its organisation, and neither administer Footnote nor are programs."""
        plain = Q(user__is_superuser=False, user__is_staff=False, user__is_service=False)
        return self.filter(plain, client=client, left_at=None, user__organisation=client.organisation_id)


class Person(models.Model):
    """An account that a client looks after."""

    user = models.OneToOneField(User, primary_key=True, on_delete=models.CASCADE, related_name="provisioned")
    client = models.ForeignKey(ProvisioningClient, on_delete=models.CASCADE, related_name="people")
    external_id = models.CharField(max_length=255, blank=True)
    display_name = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)
    closed = models.BooleanField(default=False)  # by the client: what an administrator has closed, it does not open
    left_at = models.DateTimeField(null=True)  # deleted there: the closed account is found again by its external id

    objects = People.as_manager()

    class Meta:
        verbose_name_plural = _("people")
        constraints = [
            models.UniqueConstraint(
                fields=["client", "external_id"],
                condition=~Q(external_id=""),
                name="one_person_of_each_external_id",
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id} of {self.client_id}"


class ProvisionedGroup(models.Model):
    """A group that a client made. Groups that were made here are never among them."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    client = models.ForeignKey(ProvisioningClient, on_delete=models.CASCADE, related_name="groups")
    group = models.OneToOneField(Group, on_delete=models.CASCADE, related_name="provisioned")
    external_id = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"{self.group_id} of {self.client_id}"
