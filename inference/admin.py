"""Django looks here for the pages of this app."""

from inference.administration import jobs, rollouts, routes, versions

__all__ = ["jobs", "rollouts", "routes", "versions"]
