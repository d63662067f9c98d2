"""The first page of the administration: its pages by what somebody wants to do, each with a sentence on what it is for.

What is shown is what Django's own list would show the person; a page that nobody put into a group stands under More.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True, slots=True)
class Entry:
    name: StrOrPromise
    line: StrOrPromise
    address: str
    add: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    name: StrOrPromise
    entries: tuple[Entry, ...]


# By "app.model", in the order in which they are shown.
_JOBS: tuple[tuple[Any, dict[str, tuple[Any, Any]]], ...] = (
    (
        _("People and access"),
        {
            "accounts.user": (_("People"), _("Find somebody; their groups, keys, sign-ins, and what they may read.")),
            "auth.group": (_("Groups"), _("Who belongs together. Collections name the groups that read them.")),
            "roles.appointment": (_("Roles"), _("Who looks after a collection, reads the audit trail, organises.")),
            "organisations.organisation": (_("Organisations"), _("Houses that share nothing but the machine.")),
            "accounts.serviceaccount": (_("Service accounts"), _("Programs that ask, each with an owner.")),
            "accounts.apikey": (_("API keys"), _("Which there are, what they open, when they were used; end one.")),
        },
    ),
    (
        _("Signing in"),
        {
            "signon.identityprovider": (_("Identity providers"), _("Sign-in by OpenID Connect or SAML.")),
            "operations.providertrial": (_("Test a sign-on"), _("Whether a provider would work, before it is in use.")),
            "socialaccount.socialaccount": (_("Linked accounts"), _("Who is who at the providers.")),
            "mfa.authenticator": (_("Second factors"), _("Take one away from somebody who has lost it.")),
            "scim.provisioningclient": (_("Provisioning"), _("Directories that add and close accounts by SCIM.")),
        },
    ),
    (
        _("Documents"),
        {
            "retrieval.collection": (_("Collections"), _("Who reads what; what stays in the house.")),
            "retrieval.document": (_("Documents"), _("Which there are, and what failed; who can read each.")),
            "sources.source": (_("Sources"), _("Folders, sites and stores that documents come from by themselves.")),
            "versions.indexversion": (_("Index versions"), _("Build the search anew beside the old one, or go back.")),
            "evaluation.questionsetversion": (_("Question sets"), _("Questions with known answers, to measure with.")),
            "evaluation.evaluationrun": (_("Evaluation runs"), _("How well the search finds, in figures.")),
        },
    ),
    (
        _("Models and answers"),
        {
            "inference.modelversion": (_("Model versions"), _("Swap the model; health, prices, what it can do.")),
            "inference.rollout": (_("Roll-outs"), _("Try a new model with a part of the people, and watch it.")),
            "inference.route": (_("Routes"), _("Which model is asked for what, and what stands in when one fails.")),
            "inference.job": (_("Jobs"), _("Download, shrink and measure model files.")),
        },
    ),
    (
        _("Spending and limits"),
        {
            "limits.budget": (_("Budgets"), _("What a group may use in a month, what is used, where it leads.")),
            "limits.limit": (_("Limits"), _("How many questions, requests and uploads in a time.")),
        },
    ),
    (
        _("Content and privacy"),
        {
            "safety.filterrule": (_("Filter rules"), _("What becomes of personal data, secrets and unwanted content.")),
            "operations.filtertrial": (_("Try the content rules"), _("What the rules would do with a text.")),
            "safety.wordlist": (_("Word lists"), _("Words of your own that rules look for.")),
            "safety.quarantineddocument": (
                _("Documents in quarantine"),
                _("Files that a rule keeps back until you let them out."),
            ),
            "privacy.retentionrule": (
                _("Retention rules"),
                _("When conversations are deleted, and how many would go."),
            ),
        },
    ),
    (
        _("What happens"),
        {
            "governance.auditentry": (_("Audit trail"), _("Who did what and when: by person, action or time.")),
            "operations.minute": (_("System"), _("Whether every part is well; speed, queue, cost and ratings.")),
        },
    ),
    (
        _("Set-up"),
        {
            "welcome.setup": (_("First steps"), _("Administrator, model, first collection, first question.")),
            "widget.widget": (_("Chat widgets"), _("A chat in the pages of your intranet.")),
        },
    ),
)
KNOWN = frozenset(key for _name, entries in _JOBS for key in entries)


def groups_of(app_list: Iterable[Mapping[str, Any]]) -> list[Group]:
    """Of what Django would list for this person; groups of which they see nothing are left out."""
    there = {key: model for key, model in _listed(app_list)}
    found = [Group(name, tuple(_entries(entries, there))) for name, entries in _JOBS]
    rest = [_entry(str(model["name"]), "", model) for key, model in there.items() if key not in KNOWN]
    return [*(one for one in found if one.entries), *([Group(_("More"), tuple(rest))] if rest else [])]


def _listed(app_list: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for app in app_list:
        for model in app["models"]:
            if model.get("admin_url"):
                yield model["model"]._meta.label_lower, model


def _entries(named: Mapping[str, tuple[Any, Any]], there: Mapping[str, Mapping[str, Any]]) -> Iterator[Entry]:
    for key, (name, line) in named.items():
        if key in there:
            yield _entry(name, line, there[key])
        if key == "retrieval.collection" and key in there:
            told = _("Upload, retry, test the search; beside each name: who can read it.")
            yield Entry(_("Documents page"), told, reverse("documents"))


def _entry(name: StrOrPromise, line: StrOrPromise, model: Mapping[str, Any]) -> Entry:
    return Entry(name, line, model["admin_url"], model.get("add_url") or "")
