from django.apps import AppConfig
from django.db.models.signals import pre_delete
from django.utils.translation import gettext_lazy as _


class LimitsConfig(AppConfig):
    name = "chatapp.limits"
    verbose_name = _("Limits")

    def ready(self) -> None:
        from django.contrib.auth.models import Group

        from chatapp.limits.budgets import remove_with_group

        pre_delete.connect(remove_with_group, sender=Group, dispatch_uid="limits.budget_of_group")
