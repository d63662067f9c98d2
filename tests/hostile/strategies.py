"""What nobody means to send: texts, numbers, JSON, bodies, headers and paths that programs stumble over."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

TEXTS = (
    "", " ", "\0", "a\0b", "\ud800", "\udfff", "\u202e", "\uffff", "\x1b[31m", "é" * 300, "x" * 5000, "ß", "İ",
    "'; DROP TABLE x; --", "%s%n%00", "{0.__class__}", "{{7*7}}", "../../etc/passwd", "..%2f..%2f", ".", "..", "~",
    "<script>alert(1)</script>", "javascript:alert(1)", "//evil.example", "http://[", "-1", "0", "1e400", "NaN",
    "9" * 5000, "9223372036854775808", "٣", "true", "null", "[]", "0001-01-01", "9999-12-31T23:59:59-23:59",
    "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "a\r\nSet-Cookie: x=y", "\n", "*",
    ")(uid=*", "urn:uuid:00000000-0000-0000-0000-000000000000", "=cmd|' /C calc'!A0", "a" * 255 + "/", "con",
    "\u0000\u0000",
)  # fmt: skip
_NUMBERS = (0, -1, 1, 2**31, 2**63 - 1, 2**63, 10**99, 10**400, 1e308, -0.0, 0.1)

# Surrogates too: JSON can escape what UTF-8 cannot hold.
texts = st.one_of(st.sampled_from(TEXTS), st.text(st.characters(), max_size=40))
atoms = st.one_of(texts, st.sampled_from(_NUMBERS), st.none(), st.booleans())


def values(names: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """JSON of any shape, a few levels deep."""
    return st.recursive(
        atoms,
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=3)),
        max_leaves=6,
    )


_RAW = (
    b"", b"\0", b"\xff\xfe", b"\xed\xa0\x80", b"nul", b"null", b"NaN", b"Infinity", b"9" * 5000,
    b'"\\ud800"', b"[" * 20_000,
    b'{"name":' * 900, b'{"a":' + b"[" * 980 + b"]" * 980 + b"}", b"\xef\xbb\xbf{}", b'{"name": 1, "name": 2}', b"{}",
    b"{" * 5, b"a=" + b"%" * 50, b"&" * 2000, b"a=%FF%FE&b=%00", b"\x1f\x8b\x08\x00", b'{"text": "\xc3\x28"}',
)  # fmt: skip
raw_bodies = st.one_of(st.sampled_from(_RAW), st.binary(max_size=60))


def objects(names: st.SearchStrategy[str], likely: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """With fields that the doors know, and now and then a value that they take."""
    return st.dictionaries(st.one_of(names, names, names, texts), st.one_of(values(names), likely), max_size=5)


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode()


def fields(names: st.SearchStrategy[str], likely: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, str]]:
    return st.dictionaries(names, st.one_of(texts, likely.map(str)), max_size=6)


def as_form(given: dict[str, str]) -> bytes:
    return "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in given.items()).encode()


def _quoted(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


_PARTS = (
    'name="files"; filename="../../etc/passwd"', 'name="files"; filename="a\0b.txt"', 'name="files"; filename=""',
    "name=\"files\"; filename*=UTF-8''%ff%fe.pdf", 'name="files"; filename="' + "x" * 4000 + '.txt"',
    'filename="a.txt"',
    'name="files"; filename="con.txt"', 'name="name"', 'name="\ud800"; filename="\ud800.txt"', "name", "",
    'name="file"',
    'name="files"; filename="a.txt"; filename="b.exe"', 'name="files"; filename=".htaccess"', 'name="__proto__"',
)  # fmt: skip
_CONTENTS = (
    b"",
    b"text",
    b"\0" * 100,
    b"%PDF-1.7\n%%EOF",
    b"PK\x03\x04",
    b"\xff" * 50,
    b"--x--\r\n",
    b"<?xml version='1.0'?>",
)
_ENDS = (b"--x--\r\n", b"--x", b"", b"--x--", b"--x--\r\n--x--\r\n")


@st.composite
def multiparts(draw: st.DrawFn) -> bytes:
    """The boundary is `x`; some have no end."""
    body = b""
    for part in draw(st.lists(st.sampled_from(_PARTS), max_size=3)):
        body += b"--x\r\nContent-Disposition: form-data; " + part.encode("utf-8", "surrogatepass") + b"\r\n"
        if draw(st.booleans()):
            body += draw(
                st.sampled_from(
                    (b"Content-Type: text/html\r\n", b"Content-Type: \r\n", b"Content-Type: a/b;c=\xff\r\n")
                )
            )
        body += b"\r\n" + draw(st.sampled_from(_CONTENTS)) + b"\r\n"
    return body + draw(st.sampled_from(_ENDS))


CONTENT_TYPES = (
    "application/json", "application/json; charset=utf-16", "application/json; charset=nonsense", "text/plain", "",
    "application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=nonsense", "nonsense",
    "multipart/form-data; boundary=x", "multipart/form-data", "multipart/form-data; boundary=" + "x" * 300,
    'multipart/form-data; boundary="', "multipart/form-data; boundary=é", "multipart/mixed; boundary=x",
)  # fmt: skip
_HEADERS = (
    ("Accept", "application/json"), ("Accept", "text/html"), ("Accept", "*/*;q=nonsense"),
    ("Accept-Language", "x" * 600),
    ("Accept-Language", "de;q=9e9,en"), ("Authorization", "Bearer "), ("Authorization", "Bearer \xff"),
    ("Authorization", "x"),
    ("Authorization", "Basic Og=="), ("Cookie", "sessionid=\x01; csrftoken=\xff"), ("Cookie", "messages=nonsense"),
    ("If-Modified-Since", "nonsense"), ("If-Modified-Since", "Thu, 32 Foo 99999 99:99:99 GMT"), ("If-None-Match", '"'),
    ("Range", "bytes=0-"), ("Range", "bytes=-9999999999999999999999"), ("Range", "bytes=5-1,a-b"), ("Range", "lines=1"),
    ("X-Forwarded-For", "1.2.3.4, nonsense"), ("X-Forwarded-For", "[::1"), ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Host", "evil.example"), ("Host", "evil.example"), ("Host", "localhost:99999999"), ("Host",
    "[::1"), ("Host", ""),
    ("Origin", "null"), ("Origin", "http://["), ("Referer", "http://["), ("X-Request-ID", "a\x0bb" * 50),
    ("X-Request-ID", "é"),
    ("X-Footnote-Timestamp", "9" * 40), ("X-Footnote-Nonce", "é" * 20), ("X-Footnote-Signature", "v1=" + "é"),
    ("Last-Event-ID", "-1"), ("Content-Encoding", "gzip"), ("Traceparent", "00-zz"), ("X-CSRFToken", "\x00"),
    ("X-Http-Method-Override", "DELETE"), ("If-Range", "x"), ("Accept-Encoding", "gzip;q=nonsense"),
    ("X-Requested-With", "x"),
)  # fmt: skip
headers = st.lists(st.sampled_from(_HEADERS), max_size=3).map(dict)


def queries(names: st.SearchStrategy[str], likely: st.SearchStrategy[Any]) -> st.SearchStrategy[str]:
    odd = st.sampled_from(
        ("", "", "%", "%ff", "a=%00", "=&=&", "a[]=1&a[0]=2", "&" * 1500, "?" * 20, "#", "p=-1", "p=x&o=9.-9")
    )
    return st.one_of(fields(names, likely).map(lambda given: as_form(given).decode()), odd)


def segments(real: str) -> st.SearchStrategy[str]:
    """One of a path: mostly what is there, so that the view behind is reached."""
    return st.one_of(st.just(real), st.just(real), texts.map(_quoted))
