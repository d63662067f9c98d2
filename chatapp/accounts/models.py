"""The people who use Footnote."""

from __future__ import annotations

import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """An administrator is a superuser; everybody else reads what their groups may read."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)


class OneTimeLink(models.Model):
    """A link that signs one person in once, for the first administrator and for lost passwords. Stored hashed."""

    user = models.ForeignKey(User, on_delete=models.CASCADE)
    token_sha256 = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"for {self.user_id} until {self.expires_at}"


class ApiKey(models.Model):
    """Lets a program do what its person may do. Stored hashed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100)
    sha256 = models.CharField(max_length=64, unique=True)
    hint = models.CharField(max_length=4)  # the end of the key, to tell it from others
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "name"], condition=models.Q(revoked_at=None), name="one_key_in_use_of_each_name"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} …{self.hint}"
