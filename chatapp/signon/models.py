"""Identity providers of the house, and what came from them."""

from __future__ import annotations

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from chatapp.accounts.models import User
from chatapp.languages.said import said
from chatapp.organisations.models import Organisation
from chatapp.signon import config


class IdentityProvider(models.Model):
    """Beside those that the environment names. Holds no secret: the name of the setting that does."""

    name = models.CharField(max_length=40, help_text=_("As it stands on the button of the sign-in page."))
    slug = models.SlugField(
        _("name in addresses"), max_length=40, unique=True, help_text=_("Small letters, digits, hyphens.")
    )
    kind = models.CharField(max_length=4, choices=[(config.OIDC, "OpenID Connect"), (config.SAML, "SAML 2.0")])
    is_on = models.BooleanField(_("in use"), default=True)
    issuer = models.CharField(max_length=500, help_text=_("Of OpenID Connect its address, of SAML its entity id."))
    client_id = models.CharField(
        max_length=190, blank=True, help_text=_("Of SAML our entity id, where it is not the address of our metadata.")
    )
    key = models.CharField(
        _("name of its secret"),
        max_length=80,
        blank=True,
        help_text=_(
            "The environment variable, such as SIGNON_KEY_CORP, that holds the client secret; of SAML a private "
            "key of ours with its certificate, for providers that want sign-outs signed."
        ),
    )
    scopes = models.CharField(max_length=300, default="openid profile email", blank=True)
    groups_claim = models.CharField(
        max_length=200, default="groups", help_text=_("The claim or attribute with groups.")
    )
    domains = models.TextField(
        blank=True, help_text=_("Of e-mail addresses that are let in, one to a line. Empty: all.")
    )
    required_groups = models.TextField(
        blank=True,
        help_text=_("Values of the groups claim, one to a line. Who has none of them is refused. Empty: all."),
    )
    trusts_email = models.BooleanField(
        _("vouches for addresses"),
        default=False,
        help_text=_("Although it does not say that it has verified an address."),
    )
    creates_people = models.BooleanField(
        _("makes people"), default=True, help_text=_("At their first sign-in. Otherwise only linked people get in.")
    )
    session_hours = models.PositiveSmallIntegerField(default=12, help_text=_("Until one signs in again."))
    organisation = models.ForeignKey(
        Organisation,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text=_(
            "Whom it makes is of it, and it signs in nobody else. Empty: it makes people of the house, and signs "
            "in whoever is linked to it. A change moves nobody, and ends the sessions that came from it."
        ),
    )
    sso_url = models.CharField(_("sign-in address"), max_length=500, blank=True, help_text=_("SAML alone."))
    slo_url = models.CharField(
        _("sign-out address"),
        max_length=500,
        blank=True,
        default="",
        db_default="",
        help_text=_("SAML alone: for single logout (HTTP-Redirect). Empty: who signs out here stays signed in there."),
    )
    certificate = models.TextField(blank=True, help_text=_("SAML alone: what it signs with, as PEM."))

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        try:
            self.described(()).check()
        except config.ConfigRefused as error:
            raise ValidationError(said(str(error))) from None

    def described(self, rules: tuple[config.Rule, ...]) -> config.Provider:
        return config.Provider(
            slug=self.slug,
            name=self.name,
            kind=self.kind,
            issuer=self.issuer,
            client_id=self.client_id,
            key=self.key,
            scopes=tuple(self.scopes.split()),
            groups_claim=self.groups_claim,
            domains=config.words(self.domains.lower()),
            required_groups=config.words(self.required_groups),
            trusts_email=self.trusts_email,
            creates_people=self.creates_people,
            session_hours=self.session_hours,
            rules=rules,
            sso_url=self.sso_url,
            slo_url=self.slo_url,
            certificate=self.certificate,
            organisation=self.organisation.slug if self.organisation else "",
        )


class GroupRule(models.Model):
    """What a value of the groups claim gives."""

    provider = models.ForeignKey(IdentityProvider, on_delete=models.CASCADE, related_name="rules")
    value = models.CharField(_("value of the claim"), max_length=256)
    group = models.ForeignKey(
        Group, null=True, blank=True, on_delete=models.CASCADE, help_text=_("Empty: makes an administrator.")
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "value", "group"], name="one_group_rule_for_each", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return f"{self.value} → {self.group or 'administrators'}"


class Grant(models.Model):
    """A membership, or the rights of an administrator, that a provider gave: it alone takes them away again."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    provider = models.CharField(max_length=40)
    group = models.ForeignKey(Group, null=True, on_delete=models.CASCADE, related_name="+")  # none: administrator

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "provider", "group"], name="one_grant_of_each", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.group or 'administrator'} from {self.provider}"


class SignOnSession(models.Model):
    """Which session of ours came from which session there, so that the provider can end it."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    provider = models.CharField(max_length=40)
    subject = models.CharField(max_length=191)
    session_id = models.CharField(max_length=255, blank=True)
    name_id = models.CharField(max_length=255, blank=True, default="", db_default="")  # of SAML; not always the subject
    session_key = models.CharField(max_length=40, unique=True)
    expires_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["provider", "subject"], name="signon_session_by_subject"),
            models.Index(fields=["provider", "name_id"], name="signon_session_by_name_id", condition=~Q(name_id="")),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} from {self.provider}"


class SpentToken(models.Model):
    """What must not come a second time, hashed."""

    provider = models.CharField(max_length=40)
    sha256 = models.CharField(max_length=64)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "sha256"], name="each_token_is_spent_once")]

    def __str__(self) -> str:
        return f"{self.provider} until {self.expires_at}"
