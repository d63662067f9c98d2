"""Lines of the audit trail in the shape of OCSF, which collectors of security events read."""

from __future__ import annotations

from typing import Any

from chatapp.governance.models import AuditEntry

_VERSION = "1.3.0"  # of the schema
_INFORMATIONAL, _MEDIUM = 1, 3
_OTHER, _SUCCESS, _FAILURE = 99, 1, 2
ACCOUNT, AUTHENTICATION, ENTITY, GROUP, API, FINDING = 3001, 3002, 3004, 3006, 6003, 2006
_CLASSES = {
    "account": ACCOUNT,
    "api_key": API,
    "content": FINDING,
    "group": GROUP,
    "role": ACCOUNT,
    "sign_in": AUTHENTICATION,
    "sign_on": AUTHENTICATION,
    "sign_out": AUTHENTICATION,
    "turn": API,
}
_FAILED = frozenset({"failed", "refused", "blocked"})
_VERBS = {
    1: "added asked built created made imported mapped provisioned started uploaded used",
    2: "exported read verified",
    3: "changed accepted default judged promoted retried rolled_back stopped",
    4: "removed deleted revoked cancelled erased",
}
_CHANGES = {verb: activity for activity, verbs in _VERBS.items() for verb in verbs.split()}
_ACTIVITIES: dict[int, dict[str, int]] = {
    ACCOUNT: {
        "added": 1,
        "provisioned": 1,
        "enabled": 2,
        "password_changed": 3,
        "disabled": 5,
        "removed": 6,
        "erased": 6,
    }
    | {"given": 7, "taken": 8},
    AUTHENTICATION: {"sign_in": 1, "failed": 1, "refused": 1, "sign_out": 2},
    ENTITY: _CHANGES,
    GROUP: {"member_added": 3, "member_removed": 4, "removed": 5, "added": 6},
    API: _CHANGES | {"ended": 1},
    FINDING: {"found": 1, "blocked": 1},
}


def event(entry: AuditEntry, *, personal: bool = True) -> dict[str, Any]:
    """`personal`: with what is sealed; else numbers stand for people."""
    kind, _, verb = entry.action.replace(" ", ".").partition(".")
    of_class = _CLASSES.get(kind, ENTITY)
    activity = _ACTIVITIES[of_class].get(verb.rpartition(".")[2] or kind, _OTHER)
    detail = entry.whole_detail if personal else entry.detail
    failed = verb in _FAILED or detail.get("status") in ("failed", "interrupted")
    return {
        "category_uid": of_class // 1000,
        "class_uid": of_class,
        "activity_id": activity,
        "type_uid": of_class * 100 + activity,
        "time": int(entry.at.timestamp() * 1000),
        "severity_id": _MEDIUM if failed or of_class == FINDING else _INFORMATIONAL,
        "status_id": _FAILURE if failed else _SUCCESS,
        "message": f"{entry.action} {entry.whole_subject if personal else entry.subject}",
        "metadata": _metadata(entry),
        "actor": _actor(entry, personal),
        **_particulars(entry, of_class, detail, personal),
        "unmapped": {"detail": detail, "previous_hash": entry.previous_hash, "hash": entry.hash},
    }


def _metadata(entry: AuditEntry) -> dict[str, Any]:
    return {
        "version": _VERSION,
        "product": {"name": "Footnote", "vendor_name": "Footnote"},
        "log_name": "audit",
        "event_code": entry.action,
        "uid": str(entry.pk),
        "sequence": entry.sequence,
    }


def _actor(entry: AuditEntry, personal: bool) -> dict[str, Any]:
    if entry.actor_id is None:
        return {"app_name": entry.plain_name or "Footnote"}
    return {"user": _person(str(entry.actor_id), entry.actor_name if personal else "")}


def _particulars(entry: AuditEntry, of_class: int, detail: dict[str, Any], personal: bool) -> dict[str, Any]:
    """What the class requires."""
    subject = entry.whole_subject if personal else entry.subject
    address = detail.get("address")
    source = {"ip": address} if isinstance(address, str) and address else {"name": "Footnote"}
    if of_class == ENTITY:
        return {"entity": {"name": subject, "type": entry.action.replace(" ", ".").rpartition(".")[0] or entry.action}}
    if of_class == FINDING:
        return {"finding_info": {"uid": str(entry.pk), "title": f"{entry.action}: {subject}"}}
    if of_class == API:
        return {"api": {"operation": entry.action}, "src_endpoint": source, "resources": [{"name": subject}]}
    if of_class == GROUP:
        return {"group": {"name": subject}}
    number = _number_of_subject(entry)
    user = _person(number, subject if personal or not number else "")
    if of_class == AUTHENTICATION:
        return {"user": user, "service": {"name": "Footnote"}, "src_endpoint": source}
    return {"user": user, "src_endpoint": source}


def _number_of_subject(entry: AuditEntry) -> str:
    """Of the person whom the line is about, where that is one."""
    return (entry.sealed or {}).get("subject", {}).get("of", "")


def _person(number: str, name: str) -> dict[str, str]:
    return {key: value for key, value in (("uid", number), ("name", name)) if value} or {"name": "unknown"}
