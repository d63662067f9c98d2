"""What Django looks for here: the pages register themselves."""

from chatapp.operations.pages import system, trials

__all__ = ["system", "trials"]
