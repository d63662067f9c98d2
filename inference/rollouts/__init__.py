"""Roll-outs: a new version takes a share of the people, is compared, and is promoted or rolled back."""

from inference.rollouts.changes import NoRollout, RolloutRefused, default_route, promote, roll_back, running_with, start
from inference.rollouts.judging import Rail, Verdict, judge
from inference.rollouts.watching import watch, watch_now_and_then

__all__ = [
    "NoRollout",
    "Rail",
    "RolloutRefused",
    "Verdict",
    "default_route",
    "judge",
    "promote",
    "roll_back",
    "running_with",
    "start",
    "watch",
    "watch_now_and_then",
]
