from django.db import migrations, models


class Migration(migrations.Migration):
    """A further kind of limit: the column stays as it is."""

    dependencies = [("limits", "0003_budgets")]

    operations = [
        migrations.AlterField(
            "limit",
            "resource",
            models.CharField(
                choices=[
                    ("requests", "requests"),
                    ("questions", "questions"),
                    ("tokens", "tokens of models"),
                    ("uploads", "uploaded documents"),
                    ("turns", "answers at the same time"),
                ],
                help_text="Questions are those on the page and of programs, answers that are written again as well. "
                "Requests are every call of a program and of the page itself, which makes several for a question.",
                max_length=10,
            ),
        ),
    ]
