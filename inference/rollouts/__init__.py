"""Roll-outs: a new version takes a share of the people, is compared, and is promoted or rolled back."""

from inference.rollouts.changes import (
    NoRollout,
    RolloutRefused,
    change_share,
    default_route,
    promote,
    replace,
    roll_back,
    running_with,
    start,
)
from inference.rollouts.judging import Rail, Verdict, judge
from inference.rollouts.watching import watch, watch_now_and_then

__all__ = [
    "NoRollout",
    "Rail",
    "RolloutRefused",
    "Verdict",
    "change_share",
    "default_route",
    "judge",
    "promote",
    "replace",
    "roll_back",
    "running_with",
    "start",
    "watch",
    "watch_now_and_then",
]
