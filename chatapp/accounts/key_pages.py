"""Pages on which people make and revoke their own keys, and those of service accounts that they own."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from chatapp.access import administers
from chatapp.accounts import keys
from chatapp.accounts.key_forms import KeyForm
from chatapp.accounts.keys import Made
from chatapp.accounts.models import ApiKey, User
from chatapp.accounts.scopes import Action
from chatapp.errors import Invalid, NotFound
from retrieval.models import Collection


@never_cache
@require_http_methods(["GET", "POST"])
@sensitive_variables("made")
def own_keys(request: HttpRequest, account: UUID | None = None) -> HttpResponse:
    """A new key is in the answer to the form alone: nothing can show it again."""
    person = cast(User, request.user)
    of = person if account is None else account_of(person, account)
    form = KeyForm(request.POST or None, person=of)
    made: Made | None = None
    if request.method == "POST" and form.is_valid():
        try:
            made = keys.make_key(user=of, name=form.cleaned_data["name"], wanted=form.wanted(), by=person)
        except Invalid as error:
            form.add_error(None, f"{error.user_message} {error.advice}")
        else:
            form = KeyForm(person=of)
    names = dict(Collection.objects.readable_by(of).values_list("pk", "name"))
    context = {
        "form": form,
        "made": made,
        "of": of,
        "rows": [_shown(row, names) for row in keys.kept_keys(of)],
        "accounts": person.service_accounts.filter(is_active=True).order_by("username")[:100],
    }
    status = 400 if form.errors else 200
    return render(request, "accounts/keys.html", context, status=status)


@require_POST
def revoke(request: HttpRequest, key: UUID) -> HttpResponse:
    person = cast(User, request.user)
    row = ApiKey.objects.select_related("user").filter(pk=key).first()
    if row is None or not may_look_after(person, row.user):
        raise NotFound
    keys.revoke(row, by=person)
    return redirect("keys") if row.user_id == person.pk else redirect("keys_of", account=row.user_id)


def account_of(person: User, account: UUID) -> User:
    """A service account that this person looks after. Raises NotFound."""
    found = User.objects.filter(pk=account, is_service=True).first()
    if found is None or not may_look_after(person, found):
        raise NotFound
    return found


def may_look_after(person: User, of: User) -> bool:
    """One's own keys, and those of service accounts that one owns; whoever administers an organisation those of each of
    its service accounts."""
    return of.pk == person.pk or (of.is_service and (of.owner_id == person.pk or administers(person, of.tenant)))


def _shown(row: ApiKey, names: dict[UUID, str]) -> dict[str, Any]:
    labels = dict(Action.choices)
    ended = row.expires_at is not None and row.expires_at <= timezone.now()
    collections = None if row.collections is None else [names.get(UUID(one), "") for one in row.collections]
    return {
        "key": row,
        "ended": ended,
        "actions": None if row.actions is None else [labels.get(one, one) for one in row.actions],
        "collections": None if collections is None else sorted(filter(None, collections)) or ["none that you see"],
        "models": row.model_names,
    }
