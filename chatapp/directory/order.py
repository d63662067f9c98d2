"""Who looks at a password first. Apart from the rest: the settings read it."""

from __future__ import annotations

LOCAL = "chatapp.accounts.backend.PasswordBackend"
DIRECTORY = "chatapp.directory.backend.DirectoryBackend"


def backends(*, local_accounts: bool, directory: bool) -> list[str]:
    """Where our own passwords are off, the directory comes first and lets nobody go on to them."""
    if not directory:
        return [LOCAL]
    return [LOCAL, DIRECTORY] if local_accounts else [DIRECTORY, LOCAL]
