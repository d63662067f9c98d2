from django.apps import AppConfig
from django.db.models.signals import post_migrate, post_save, pre_save
from django.utils.translation import gettext_lazy as _


class OrganisationsConfig(AppConfig):
    name = "chatapp.organisations"
    verbose_name = _("Organisations")

    def ready(self) -> None:
        from django.contrib.auth.models import Group

        from chatapp.accounts.models import ServiceAccount, User
        from chatapp.organisations import boundaries, names, places
        from retrieval import counting_memberships

        counting_memberships.connect(boundaries.memberships)
        post_migrate.connect(places.make_the_house, sender=self, dispatch_uid="organisations.the_house")
        post_save.connect(places.place_new_group, sender=Group, dispatch_uid="organisations.group_saved")
        pre_save.connect(names.check_group, sender=Group, dispatch_uid="organisations.group_named")
        for model in (User, ServiceAccount):
            pre_save.connect(names.check_person, sender=model, dispatch_uid=f"organisations.{model.__name__}_named")
