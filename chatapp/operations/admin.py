"""What Django looks for here: the pages register themselves."""

from chatapp.operations.pages import sign_on, system, trials

__all__ = ["sign_on", "system", "trials"]
