"""What a form changed, for the audit trail."""

from __future__ import annotations

from typing import Any


def changed(form: Any, *, change: bool) -> dict[str, Any]:
    """-> {"field": {"from": ..., "to": ...}}, or the values alone of what is new."""
    found: dict[str, Any] = {}
    for name in form.changed_data:
        now = _plain(form.cleaned_data.get(name))
        found[name] = {"from": _plain(form.initial.get(name)), "to": now} if change else now
    return found


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple | set) or hasattr(value, "iterator"):
        return [_plain(one) for one in value]
    return str(value)
