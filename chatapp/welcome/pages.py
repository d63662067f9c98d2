"""The pages of the first steps, for administrators: thin doors to what the product does anyhow."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import admin, messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.debug import sensitive_post_parameters

from chatapp import access
from chatapp.accounts.models import User
from chatapp.conversations.pages import example_questions
from chatapp.errors import ChatAppError
from chatapp.languages.said import said
from chatapp.operations.first_run import sample_collection
from chatapp.operations.pages.how_often import require_turn
from chatapp.signon.sessions import may_choose_password
from chatapp.welcome import choices, download, endpoint, steps
from chatapp.welcome.forms import ChoiceForm, CollectionForm, DownloadForm, EndpointForm, PersonForm
from chatapp.welcome.models import Setup, current
from inference.administration import router
from inference.administration.superusers import ReadOnly, actor, require_superuser
from inference.errors import InferenceError
from inference.models import ModelVersion
from inference.routing import page as page_route

if TYPE_CHECKING:
    SetupAdminBase = admin.ModelAdmin[Setup]
else:
    SetupAdminBase = admin.ModelAdmin

Page = Callable[["SetupAdmin", HttpRequest], HttpResponse]


def _for_administrators(*methods: str) -> Callable[[Page], Page]:
    def guarded(page: Page) -> Page:
        @wraps(page)
        def shown(self: SetupAdmin, request: HttpRequest) -> HttpResponse:
            require_superuser(request)
            if request.method not in methods:
                return HttpResponseNotAllowed(methods)
            return page(self, request)

        return method_decorator([never_cache, ensure_csrf_cookie])(shown)

    return guarded


_shown = _for_administrators("GET", "HEAD")
_asked = _for_administrators("GET", "HEAD", "POST")


@admin.register(Setup)
class SetupAdmin(ReadOnly, SetupAdminBase):
    """No pages of rows: its only row is nobody's to edit."""

    fieldsets = ((None, {"fields": ()}),)

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("", view(self.changelist_view), name="welcome_setup_changelist"),
            path("administrator/", view(self.administrator), name="welcome_administrator"),
            path("model/", view(self.model_step), name="welcome_model"),
            path("model/endpoint/", view(self.endpoint), name="welcome_endpoint"),
            path("collection/", view(self.collection), name="welcome_collection"),
            path("question/", view(self.question), name="welcome_question"),
            path("leave/", view(self.leave), name="welcome_leave"),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return self.overview(request)

    @_shown
    def overview(self, request: HttpRequest) -> HttpResponse:
        """The first step that is not done, or what was done."""
        if found := steps.first_open(steps.all_steps(_user(request))):
            return redirect(f"admin:welcome_{found.name}")
        return _page(request, "finished", {})

    @_asked
    def administrator(self, request: HttpRequest) -> HttpResponse:
        user = _user(request)
        form = PersonForm(request.POST if request.method == "POST" else None, instance=User.objects.get(pk=user.pk))
        if request.method == "POST" and form.is_valid():
            form.save()
            return redirect("admin:welcome_model")
        signs_in = steps.signs_in_by_themselves(user)
        return _page(
            request, "administrator", {"form": form, "signs_in": signs_in, "may_choose": may_choose_password(request)}
        )

    @_asked
    def model_step(self, request: HttpRequest) -> HttpResponse:
        form = DownloadForm(request.POST if request.POST.get("do") == "pull" else None)
        if request.method == "POST":
            answer = self._model_act(request, form)
            if answer is not None:
                return answer
        found = page_route.asked_versions()
        context = {
            "form": form,
            "download": download.newest(),
            "room": download.room(),
            "models": [(one, *_health(one)) for one in found],
            "hub": urlsplit(settings.INFERENCE.hub_url).netloc,
            "of_settings": settings.INFERENCE.api_model if page_route.asks_settings() else "",
            "setup": current(),
        }
        return _page(request, "model", context)

    def _model_act(self, request: HttpRequest, form: DownloadForm) -> HttpResponse | None:
        """None: the page is shown again, with what is wrong."""
        by, do = actor(request), request.POST.get("do", "")
        try:
            if do == "later":
                choices.model_later(by=by)
                return redirect("admin:welcome_collection")
            if do == "pull" and not form.is_valid():
                return None
            if do == "pull":
                download.begin(form.source(), sha256=form.cleaned_data["sha256"], by=by)
            elif do == "again":
                download.go_on(by=by)
            elif do == "cancel":
                download.cancel(by=by)
        except InferenceError as error:
            if do != "pull":
                messages.error(request, _sentence(error))
            else:
                form.add_error(None, _sentence(error))
                return None
        return redirect("admin:welcome_model")

    @_asked
    @method_decorator(sensitive_post_parameters("key"))
    def endpoint(self, request: HttpRequest) -> HttpResponse:
        form = EndpointForm(request.POST if request.method == "POST" else None)
        trial = None
        adds = request.POST.get("do") == "add"
        if request.method == "POST" and form.is_valid() and (not adds or form.names_its_key()):
            try:
                if adds:
                    return self._added(request, form)
                require_turn(request, "endpoint_trial")
                trial = endpoint.attempt(form.given(), key=form.cleaned_data["key"], by=actor(request))
            except (InferenceError, ChatAppError) as error:
                form.add_error(None, _sentence(error))
        return _page(
            request, "endpoint", {"form": form, "trial": trial, "key_names": sorted(settings.INFERENCE.keys)}, "model"
        )

    def _added(self, request: HttpRequest, form: EndpointForm) -> HttpResponse:
        added, where = endpoint.add(form.given(), by=actor(request))
        told = [gettext("%(name)s is added.") % {"name": added.version.name}, said(where)]
        if added.version.outside:
            told.append(gettext("What it is asked leaves the house: collections that stay in it never reach it."))
        else:
            told.append(gettext("What it is asked stays here."))
        messages.success(request, " ".join(told))
        return redirect("admin:welcome_model")

    @_asked
    def collection(self, request: HttpRequest) -> HttpResponse:
        user, setup = _user(request), current()
        groups = list(access.groups_at_home(user).order_by("name").values_list("name", flat=True))
        do, others = request.POST.get("do", ""), choices.collections_to_choose(user)
        form = CollectionForm(groups, request.POST if do == "make" else None)
        if request.method == "POST" and self._collection_act(request, form, ChoiceForm(others, request.POST)):
            return redirect("admin:welcome_collection")
        chosen = setup.collection if "another" not in request.GET and do != "make" else None
        context = {
            "form": form,
            "chosen": chosen,
            "ready": steps.ready_in(user, setup.collection),
            "sample": sample_collection(),
            "others": ChoiceForm(others) if others.exists() else None,
        }
        return _page(request, "collection", context)

    def _collection_act(self, request: HttpRequest, form: CollectionForm, choice: ChoiceForm) -> bool:
        """False: the page is shown again, with what is wrong."""
        by, do = actor(request), request.POST.get("do", "")
        if do == "make":
            return form.is_valid() and _tried(form, lambda: choices.make_collection(by=by, **form.wishes()))
        if do == "sample":
            choices.choose_sample(by=by)
        elif do == "choose" and choice.is_valid():
            choices.choose_collection(choice.cleaned_data["collection"], by=by)
        return True

    @_shown
    def question(self, request: HttpRequest) -> HttpResponse:
        user = _user(request)
        collection = steps.to_be_asked(user, current())
        context = {
            "collection": collection,
            "ready": steps.ready_in(user, collection),
            "examples": example_questions(user, collection) if collection else [],
            "answering": page_route.names(),
        }
        return _page(request, "question", context)

    @_for_administrators("POST")
    def leave(self, request: HttpRequest) -> HttpResponse:
        choices.leave(by=actor(request))
        return redirect("chat")


def _page(request: HttpRequest, name: str, context: dict[str, Any], step: str = "") -> TemplateResponse:
    all_steps = steps.all_steps(_user(request))
    here = step or name
    following = _after(all_steps, here)
    return TemplateResponse(
        request,
        f"admin/welcome/{name}.html",
        {"steps": all_steps, "here": here, "onward": reverse(following), **context},
    )


def _after(all_steps: list[steps.Step], here: str) -> str:
    names = [one.name for one in all_steps]
    if here not in names or here == names[-1]:
        return "chat"
    return f"admin:welcome_{names[names.index(here) + 1]}"


def _health(version: ModelVersion) -> tuple[str, str]:
    """-> how it is, and what is wrong with it. One that was just added was not looked at by the router yet."""
    problem: str | None = page_route.trouble(version)
    if not problem:
        found = {engine.partition(": ")[2] or engine: told for engine, told in router.problems().items()}
        problem = found.get(version.name)
    if problem is None:
        return "unknown", ""
    return ("failed", problem) if problem else ("ready", "")


def _tried(form: Form, act: Callable[[], object]) -> bool:
    try:
        act()
    except ChatAppError as error:
        form.add_error(None, _sentence(error))
        return False
    return True


def _sentence(error: InferenceError | ChatAppError) -> str:
    return said(f"{error.user_message} {error.advice}")


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)
