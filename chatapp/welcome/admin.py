"""What Django looks for here: the pages register themselves."""

from chatapp.welcome.pages import SetupAdmin

__all__ = ["SetupAdmin"]
