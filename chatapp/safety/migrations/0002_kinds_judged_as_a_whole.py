from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("safety", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="filterrule",
            name="reply",
            field=models.TextField(
                blank=True,
                default="",
                db_default="",
                help_text="Of kinds that are judged as a whole: what is said where this rule blocks. Empty: the usual words.",
                max_length=2000,
            ),
        ),
        migrations.AddField(
            model_name="filterrule",
            name="when_away",
            field=models.CharField(
                choices=[("closed", "refuse"), ("open", "go on with what letters alone tell")],
                default="closed",
                db_default="closed",
                help_text="Of kinds that are judged as a whole, while the index service does not answer.",
                max_length=6,
                verbose_name="when it cannot look",
            ),
        ),
        migrations.AlterField(
            model_name="filterrule",
            name="what",
            field=models.CharField(
                choices=[
                    ("email", "e-mail addresses"),
                    ("phone", "telephone numbers"),
                    ("card", "card numbers"),
                    ("iban", "IBANs"),
                    ("bank_account", "other bank accounts"),
                    ("us_ssn", "US social security numbers"),
                    ("national_id", "national identity, tax and health numbers"),
                    ("passport", "passport numbers"),
                    ("driving_licence", "driving licences"),
                    ("ip_address", "IP addresses"),
                    ("mac_address", "hardware addresses"),
                    ("url", "web addresses"),
                    ("secret", "keys, tokens and passwords"),
                    ("hidden_text", "characters and comments that a reader does not see"),
                    ("toxicity", "insults, hate, threats and sexual content"),
                    ("self_harm", "wishes to harm oneself"),
                    ("jailbreak", "orders to the model to break its rules"),
                    ("injection", "instructions to the model within documents"),
                    ("harmful", "requests for help with a crime"),
                    ("words", "words and patterns of a list"),
                ],
                max_length=20,
            ),
        ),
        migrations.AddConstraint(
            model_name="filterrule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("action", "mask"),
                    ("what__in", ["harmful", "injection", "jailbreak", "self_harm", "toxicity"]),
                    _negated=True,
                ),
                name="whole_texts_are_not_masked",
            ),
        ),
    ]
