"""Where the first steps open by themselves: after the one-time link of somebody who administers a new Footnote."""

from __future__ import annotations

from django.urls import reverse

from chatapp.accounts.models import User
from chatapp.conversations.models import Turn
from chatapp.welcome.models import Setup


def after_password(user: User) -> str:
    """-> the address that follows the choice of a password."""
    return reverse("admin:welcome_setup_changelist" if opens_for(user) else "chat")


def opens_for(user: User) -> bool:
    """Until somebody has left them, or an administrator has asked the first question: that is the last step."""
    if not (user.is_active and user.is_superuser):
        return False
    if Setup.objects.filter(left_at__isnull=False).exists():
        return False
    return not Turn.objects.filter(asker__is_superuser=True).exists()
