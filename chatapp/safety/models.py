"""What is to be done about which content, where: the rules of the house."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chatapp.languages.said import said
from chatapp.organisations.models import Organisation
from chatapp.safety.linear import PatternRefused
from chatapp.safety.words import require_matched, word_filter
from retrieval.models import Collection, Document


class What(models.TextChoices):
    EMAIL = "email", _("e-mail addresses")
    PHONE = "phone", _("telephone numbers")
    CARD = "card", _("card numbers")
    IBAN = "iban", _("IBANs")
    BANK_ACCOUNT = "bank_account", _("other bank accounts")
    US_SSN = "us_ssn", _("US social security numbers")
    NATIONAL_ID = "national_id", _("national identity, tax and health numbers")
    PASSPORT = "passport", _("passport numbers")
    DRIVING_LICENCE = "driving_licence", _("driving licences")
    IP_ADDRESS = "ip_address", _("IP addresses")
    MAC_ADDRESS = "mac_address", _("hardware addresses")
    URL = "url", _("web addresses")
    SECRET = "secret", _("keys, tokens and passwords")
    HIDDEN_TEXT = "hidden_text", _("characters and comments that a reader does not see")
    TOXICITY = "toxicity", _("insults, hate, threats and sexual content")
    SELF_HARM = "self_harm", _("wishes to harm oneself")
    JAILBREAK = "jailbreak", _("orders to the model to break its rules")
    INJECTION = "injection", _("instructions to the model within documents")
    HARMFUL = "harmful", _("requests for help with a crime")
    WORDS = "words", _("words and patterns of a list")


# Found in a text as a whole, by what was learned: there is no piece of it to mask.
WHOLE = frozenset({What.TOXICITY, What.SELF_HARM, What.JAILBREAK, What.INJECTION, What.HARMFUL})


class WordList(models.Model):
    """Words of the house: names of projects, of customers, whatever must not be said."""

    organisation = models.ForeignKey(
        Organisation, null=True, blank=True, on_delete=models.CASCADE, related_name="+", help_text=_("Empty: of all.")
    )
    name = models.CharField(max_length=80, unique=True)
    terms = models.TextField(
        _("words"), blank=True, help_text=_("One to a line. Whole words are found, whatever their case.")
    )
    patterns = models.TextField(
        blank=True,
        help_text=_(
            "One to a line, in the syntax of RE2 (no look-around, no back references). What they match may have "
            "120 characters."
        ),
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        try:
            require_matched(self.terms.splitlines())
            word_filter(self.kind, self.terms.splitlines(), self.pattern_lines())
        except PatternRefused as error:
            raise ValidationError(said(str(error))) from None

    def pattern_lines(self) -> list[str]:
        return [line.strip() for line in self.patterns.splitlines() if line.strip()]

    @property
    def kind(self) -> str:
        return f"words:{self.name}"


class FilterRule(models.Model):
    """The most special rule holds: one for a group and a collection before one for a collection, that before one for a
    group, that before one for all. Among equally special ones, the strictest. Rules of an organisation and those
    without one are decided apart, and the stricter outcome holds."""

    class Where(models.TextChoices):
        QUESTION = "question", _("questions")
        PASSAGES = "passages", _("passages, before a model reads them")
        ANSWER = "answer", _("answers, as they are written")
        DOCUMENTS = "documents", _("documents, as they are taken in")

    class Action(models.TextChoices):
        ALLOW = "allow", _("allow")
        WARN = "warn", _("allow, and write it down")
        SEAL = "seal", _("mask, and show the value to the asker alone")
        MASK = "mask", _("mask")
        HOLD = "hold", _("keep in quarantine")
        BLOCK = "block", _("block")

    class WhenAway(models.TextChoices):
        CLOSED = "closed", _("refuse")
        OPEN = "open", _("go on with what letters alone tell")

    what = models.CharField(max_length=20, choices=What)
    words = models.ForeignKey(WordList, null=True, blank=True, on_delete=models.CASCADE, verbose_name=_("word list"))
    where = models.CharField(max_length=10, choices=Where)
    action = models.CharField(max_length=5, choices=Action)
    organisation = models.ForeignKey(
        Organisation,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        help_text=_("Of the asker, and of documents. Empty: all."),
    )
    group = models.ForeignKey(
        Group, null=True, blank=True, on_delete=models.CASCADE, help_text=_("Of the asker. Empty: all.")
    )
    collection = models.ForeignKey(
        Collection,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        help_text=_("That is searched. Empty: all."),
    )
    when_away = models.CharField(
        _("when it cannot look"),
        max_length=6,
        choices=WhenAway,
        default=WhenAway.CLOSED,
        db_default=WhenAway.CLOSED,
        help_text=_("Of kinds that are judged as a whole, while the index service does not answer."),
    )
    reply = models.TextField(
        blank=True,
        default="",
        db_default="",
        max_length=2000,
        help_text=_(
            "Of kinds that are judged as a whole: what is said where this rule blocks. Empty: the usual words."
        ),
    )

    class Meta:
        ordering = ["where", "what", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(what__in=sorted(one.value for one in WHOLE), action="mask"),
                name="whole_texts_are_not_masked",
            ),
            models.CheckConstraint(
                condition=models.Q(what="words", words__isnull=False)
                | (~models.Q(what="words") & models.Q(words=None)),
                name="a_word_list_for_words_alone",
            ),
            models.UniqueConstraint(
                fields=["what", "words", "where", "organisation", "group", "collection"],
                name="one_rule_for_each",
                nulls_distinct=False,
            ),
        ]

    def __str__(self) -> str:
        parts = {"action": self.get_action_display(), "kind": self.kind, "place": self.get_where_display()}
        return gettext("%(action)s: %(kind)s in %(place)s") % parts

    def clean(self) -> None:
        if self.what in WHOLE and self.action in (self.Action.MASK, self.Action.SEAL):
            raise ValidationError({"action": _("This is found in a text as a whole: allow it, note it or block it.")})
        if self.where == self.Where.DOCUMENTS and self.action in (self.Action.MASK, self.Action.SEAL):
            raise ValidationError({"action": _("Documents are taken in as they are, kept in quarantine, or blocked.")})
        if self.where != self.Where.DOCUMENTS and self.action == self.Action.HOLD:
            raise ValidationError({"action": _("Only documents can be kept in quarantine.")})
        if self.where == self.Where.DOCUMENTS and self.group:
            raise ValidationError({"group": _("Rules about documents hold for all, whoever hands them in.")})
        if self.what == What.INJECTION and self.where == self.Where.QUESTION:
            raise ValidationError(
                {"where": _("In questions, orders to the model are of the kind that breaks its rules.")}
            )

    @property
    def kind(self) -> str:
        return self.words.kind if self.words else self.what

    def holds_in(self, organisation: UUID) -> bool:
        """What is said about a collection is for those alone who may ever ask it."""
        named = {self.organisation_id, self.collection.tenant if self.collection else None} - {None}
        return named <= {organisation}


class ReleasedDocument(models.Model):
    """A document that an administrator let out of quarantine: rules do not keep it there again. It has no key to the
    document, which is deleted without a look at who knows of it."""

    document = models.UUIDField(primary_key=True)
    released_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return str(self.document)


class QuarantinedDocument(Document):
    """Documents that wait for an administrator, as the administration lists them."""

    class Meta:
        proxy = True
        verbose_name = _("document in quarantine")
        verbose_name_plural = _("documents in quarantine")
