"""Routes: which model answers which question, and how a new version takes the place of an old one."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from inference.models.versions import ModelVersion

_PERCENT = [MinValueValidator(0), MaxValueValidator(100)]
_LANGUAGE = RegexValidator("^[a-z]{2}$", _("Two letters, such as en or de (ISO 639-1)."))


class Route(models.Model):
    """A name under which questions are answered. Without candidates: the default model, then the endpoint of the
    settings. The quotations stand behind every route.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.SlugField(max_length=60, unique=True, help_text=_("API clients choose it as their model."))
    description = models.CharField(max_length=300, blank=True)
    default = models.BooleanField(default=False, help_text=_("The chat page asks this one."))
    enabled = models.BooleanField(default=True)
    hedge_after_ms = models.PositiveIntegerField(
        _("second start after (ms)"),
        default=0,
        validators=[MaxValueValidator(120_000)],
        help_text=_(
            "Where no text has come after this time, the next candidate is asked as well and the first to write "
            "wins. Costs more tokens. 0: never."
        ),
    )

    class Meta:
        ordering = ["-default", "name"]
        constraints = [models.UniqueConstraint(fields=["default"], condition=Q(default=True), name="one_default_route")]

    def __str__(self) -> str:
        return self.name


class Candidates(models.QuerySet["Candidate"]):
    def for_everybody(self) -> Candidates:
        """Asked whatever the question is and whoever asks it."""
        return self.filter(
            tasks=[],
            least_characters=None,
            most_characters=None,
            languages=[],
            groups=None,
            sensitivity=Candidate.Sensitivity.ANY,
        )

    def asked_by_people(self) -> Candidates:
        """In order, without versions that rest and places that are for programs alone."""
        ready = self.filter(version__state=ModelVersion.State.READY)
        return ready.exclude(tasks=[Candidate.Task.PROGRAM]).order_by("position", "id")


class Candidate(models.Model):
    """A version in its place on a route, with the conditions under which it is asked."""

    class Task(models.TextChoices):
        ANSWER = "answer", _("answer from passages")
        TALK = "talk", _("answer without passages: none was found")
        PROGRAM = "program", _("answer a program, over the API")

    class Sensitivity(models.TextChoices):
        ANY = "any", _("any collections")
        FREE = "free", _("only where nothing must stay in the house")
        IN_HOUSE = "in_house", _("only where something must stay in the house")

    route = models.ForeignKey(Route, on_delete=models.CASCADE, related_name="candidates")
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="candidates")
    position = models.PositiveSmallIntegerField(
        default=1, help_text=_("Lower ones are asked first. Candidates at the same position share the people.")
    )
    share = models.PositiveSmallIntegerField(
        default=100,
        validators=[MinValueValidator(1), MaxValueValidator(1000)],
        help_text=_("Weight among the candidates at the same position. Each person stays with one of them."),
    )
    tasks = ArrayField(models.CharField(max_length=12, choices=Task), default=list, blank=True)
    least_characters = models.PositiveIntegerField(
        _("question from (characters)"), null=True, blank=True, help_text=_("Empty: no bound.")
    )
    most_characters = models.PositiveIntegerField(
        _("question to (characters)"), null=True, blank=True, help_text=_("Empty: no bound.")
    )
    languages = ArrayField(
        models.CharField(max_length=2, validators=[_LANGUAGE]),
        default=list,
        blank=True,
        help_text=_("Languages of the question, such as en,de. Empty: every language."),
    )
    groups = models.ManyToManyField(
        Group, blank=True, related_name="+", help_text=_("Only for people of these groups. Empty: for everybody.")
    )
    sensitivity = models.CharField(max_length=10, choices=Sensitivity, default=Sensitivity.ANY)
    least_budget_percent = models.PositiveSmallIntegerField(
        _("budget left at least (%)"),
        default=0,
        validators=_PERCENT,
        help_text=_("Only while this much of the version's monthly budget is left. 0: while anything is left."),
    )

    objects = Candidates.as_manager()

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["route", "version", "position"], name="one_candidate_for_each_place"),
            models.CheckConstraint(
                condition=Q(least_characters=None)
                | Q(most_characters=None)
                | Q(least_characters__lte=models.F("most_characters")),
                name="length_bounds_in_order",
                violation_error_message=_("The lower bound of the question's length lies above the upper one."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.route}: {self.position}. {self.version}"


class Rollout(models.Model):
    """A new version takes a share of the people whom an old one serves; guard rails undo it, promotion ends it."""

    class State(models.TextChoices):
        RUNNING = "running", _("Running")
        PROMOTED = "promoted", _("Promoted")
        ROLLED_BACK = "rolled_back", _("rolled back")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    route = models.ForeignKey(Route, on_delete=models.CASCADE, related_name="rollouts")
    current = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="+")
    new = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="+")
    share = models.PositiveSmallIntegerField(
        _("share (%)"),
        default=10,
        validators=[MinValueValidator(1), MaxValueValidator(100)],  # 0: it rests
    )
    least_answers = models.PositiveIntegerField(
        default=30,
        validators=[MinValueValidator(5), MaxValueValidator(100_000)],
        help_text=_("Answers of each version before they are compared."),
    )
    most_failures_more = models.PositiveSmallIntegerField(
        _("failures more (points)"),
        default=5,
        validators=_PERCENT,
        help_text=_("Rolled back when the new version fails this many percentage points more often."),
    )
    most_first_token_ratio = models.FloatField(
        _("time to first token, at most (x)"),
        default=1.5,
        validators=[MinValueValidator(1.0), MaxValueValidator(100.0)],
        help_text=_("Rolled back when its median time to the first token is more than this many times the old one's."),
    )
    least_speed_ratio = models.FloatField(
        _("tokens a second, at least (x)"),
        default=0.67,
        validators=[MinValueValidator(0.01), MaxValueValidator(1.0)],
        help_text=_("Rolled back when its median speed is less than this part of the old one's."),
    )
    most_bad_ratings_more = models.PositiveSmallIntegerField(
        _("bad ratings more (points)"),
        default=15,
        validators=_PERCENT,
        help_text=_("Rolled back when this many percentage points more of its rated answers are rated bad."),
    )
    least_ratings = models.PositiveIntegerField(
        default=10,
        validators=[MinValueValidator(3), MaxValueValidator(100_000)],
        help_text=_("Rated answers of each version before ratings are compared."),
    )
    state = models.CharField(max_length=12, choices=State, default=State.RUNNING)
    reason = models.CharField(max_length=500, blank=True)  # why it ended
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    started_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("roll-out")
        ordering = ["-started_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["route"], condition=Q(state="running"), name="one_running_rollout_for_each_route"
            ),
            models.CheckConstraint(condition=~Q(current=models.F("new")), name="a_rollout_changes_something"),
            models.CheckConstraint(condition=Q(share__lte=100), name="share_of_a_rollout_in_percent"),
        ]

    def __str__(self) -> str:
        return f"{self.route}: {self.current} -> {self.new}"
