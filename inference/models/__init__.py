"""The rows of inference/: versions of models, jobs on them, routes, roll-outs, and what became of answers."""

from inference.models.jobs import Job
from inference.models.outcomes import Outcome
from inference.models.routes import Candidate, Rollout, Route
from inference.models.versions import ModelVersion

__all__ = ["Candidate", "Job", "ModelVersion", "Outcome", "Rollout", "Route"]
