"""The doors of SAML providers. What allauth and python3-saml need is loaded when somebody first comes by here."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from chatapp.accounts.sessions import SessionStore
from chatapp.errors import Invalid, NotFound
from chatapp.signon.config import SAML, Provider
from chatapp.signon.errors import SignOnFailed
from chatapp.signon.views import door, onward

log = structlog.get_logger(__name__)

View = Callable[[HttpRequest, Provider], HttpResponseBase]
_LONGEST = 300_000  # characters of a response
_WAITS_S = 300


def _by_name(view: View) -> View:
    """SAML's addresses are compared to the letter: they are made of the name that people type."""

    @wraps(view)
    def named(request: HttpRequest, provider: Provider) -> HttpResponseBase:
        use_public_host(request)
        return view(request, provider)

    return named


def use_public_host(request: HttpRequest) -> None:
    request.META["HTTP_HOST"] = urlsplit(settings.PUBLIC_URL).netloc or request.get_host()


@require_http_methods(["GET", "POST"])
@door(SAML)
@_by_name
def login(request: HttpRequest, provider: Provider) -> HttpResponseBase:
    from allauth.socialaccount.providers.saml import views

    return onward(request, views.login(request, organization_slug=provider.slug), provider.name)


@csrf_exempt
@require_POST
@door(SAML)
@_by_name
def acs(request: HttpRequest, provider: Provider) -> HttpResponse:
    """Browsers send no cookie of ours along from elsewhere: allauth keeps the response and reads it one step later.
    What strangers send is kept small and short."""
    from allauth.socialaccount.providers.saml import views

    if not 0 < len(request.POST.get("SAMLResponse", "")) <= _LONGEST:
        raise Invalid
    waiting: SessionBase = SessionStore()
    waiting.set_expiry(_WAITS_S)
    request.saml_acs_session = waiting  # type: ignore[attr-defined]
    answer: HttpResponse = views.acs(request, organization_slug=provider.slug)
    return answer


@require_GET
@door(SAML)
@_by_name
def finish(request: HttpRequest, provider: Provider) -> HttpResponse:
    from allauth.socialaccount.providers.saml import views
    from lxml.etree import LxmlError

    try:
        answer: HttpResponse = views.finish_acs(request, organization_slug=provider.slug)
    except (LxmlError, ValueError) as error:  # of strangers: python3-saml expects XML
        log.info("sign_on.failed", provider=provider.slug, kind=type(error).__name__)
        raise SignOnFailed from None
    return answer


@require_GET
@door(SAML)
@_by_name
def metadata(request: HttpRequest, provider: Provider) -> HttpResponse:
    from allauth.socialaccount.providers.saml import views

    answer: HttpResponse = views.metadata(request, organization_slug=provider.slug)
    return answer


@require_GET
@door(SAML)
@_by_name
def sls(request: HttpRequest, provider: Provider) -> HttpResponse:
    """Our metadata names this address also where the provider has no single logout."""
    from chatapp.signon import saml_leaving

    if not provider.slo_url:
        raise NotFound
    return saml_leaving.hear(request, provider)
