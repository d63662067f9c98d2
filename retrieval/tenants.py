"""Whose a row is. Retrieval keeps the key and asks for equality; what it stands for is known to the application."""

from __future__ import annotations

from uuid import UUID

HOUSE = UUID(int=1)  # of whatever nobody gave to another one
