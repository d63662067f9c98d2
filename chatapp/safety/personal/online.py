"""Addresses on the network: e-mail, web, IP, hardware."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from chatapp.safety import linear
from chatapp.safety.personal.recogniser import Recogniser

_LABEL = r"[^\W_](?:[\w\-]{0,61}[^\W_])?"


def _is_ipv4(matched: str) -> bool:
    try:
        address = IPv4Address(matched)
    except AddressValueError:
        return False
    return not (address.is_loopback or address.is_unspecified)


def _is_ipv6(matched: str) -> bool:
    try:
        address = IPv6Address(matched)
    except AddressValueError:
        return False
    return not (address.is_loopback or address.is_unspecified) and len(matched.replace("::", ":").split(":")) >= 3


RECOGNISERS = (
    Recogniser(
        "email",
        re.compile(rf"(?<![\w.+\-])[\w.+\-%'!#$&*/=?^`{{|}}~]{{1,64}}@(?:{_LABEL}\.){{1,8}}[^\W\d_]{{2,24}}(?![\w@])"),
        sign=linear.sign("@"),
        digits=0,
    ),
    Recogniser(
        "url",
        re.compile(r"(?<![\w@])(?:https?|ftp)://[^\s<>\"'`{}|\\^\[\]]{1,2000}[^\s<>\"'`{}|\\^\[\].,;:!?)]", re.I),
        sign=linear.sign("://"),
        digits=0,
    ),
    Recogniser(
        "url",
        re.compile(
            rf"(?<![\w@./])www\.(?:{_LABEL}\.){{1,8}}[^\W\d_]{{2,24}}(?:/[^\s<>\"'`]{{0,2000}})?(?![\w@])", re.I
        ),
        sign=linear.sign(r"(?i)www\."),
        digits=0,
    ),
    Recogniser("ip_address", re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)"), _is_ipv4, digits=4),
    Recogniser(
        "ip_address",
        re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:])"),
        _is_ipv6,
        sign=linear.sign(":[0-9A-Fa-f]{0,4}:"),
        digits=0,
    ),
    Recogniser("mac_address", re.compile(r"(?<![\w:\-])(?:[0-9A-Fa-f]{2}[:\-]){5}[0-9A-Fa-f]{2}(?![\w:\-])"), digits=0),
)
