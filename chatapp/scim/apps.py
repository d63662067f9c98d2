from django.apps import AppConfig


class ScimConfig(AppConfig):
    name = "chatapp.scim"
    verbose_name = "Provisioning"
