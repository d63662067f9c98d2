"""Django looks here for the pages of this app."""

from chatapp.evaluation.pages import runs, sets

__all__ = ["runs", "sets"]
