"""Writes compound files (MS-CFB, version 3) of a few small streams: Outlook messages for the tests."""

from __future__ import annotations

import struct

_SECTOR, _MINI, _END, _FREE, _FAT = 512, 64, 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD
_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def compound_file(streams: dict[str, bytes]) -> bytes:
    """Sectors: the FAT, the mini FAT, the directory, then the mini stream that holds everything."""
    mini_fat: list[int] = []
    content, entries = b"", []
    names = sorted(streams, key=lambda name: (len(name), name.upper()))
    for number, name in enumerate(names, start=1):
        count, start = -(-len(streams[name]) // _MINI), len(mini_fat)
        mini_fat += [*range(start + 1, start + count), _END]
        content += streams[name].ljust(count * _MINI, b"\0")
        right = number + 1 if number < len(names) else _FREE  # a list is a tree too
        entries.append(_entry(name, 2, right=right, start=start, size=len(streams[name])))
    directory = -(-(len(names) + 1) // 4)
    first, count = 2 + directory, -(-len(content) // _SECTOR)
    fat = [_FAT, _END, *range(3, first), _END, *range(first + 1, first + count), _END]
    root = _entry("Root Entry", 5, child=1, start=first, size=len(content))
    header = struct.pack("<8s16s5H6x10I", _MAGIC, b"", 0x3E, 3, 0xFFFE, 9, 6, 0, 1, 2, 0, 4096, 1, 1, _END, 0, 0)
    return (
        (header + struct.pack("<108I", *[_FREE] * 108))
        + _table(fat)
        + _table(mini_fat)
        + b"".join([root, *entries]).ljust(directory * _SECTOR, b"\0")
        + content.ljust(count * _SECTOR, b"\0")
    )


def _table(sectors: list[int]) -> bytes:
    return struct.pack("<128I", *sectors, *[_FREE] * (128 - len(sectors)))


def _entry(name: str, kind: int, *, right: int = _FREE, child: int = _FREE, start: int, size: int) -> bytes:
    encoded = name.encode("utf-16-le") + b"\0\0"
    return struct.pack(
        "<64sHBBIII16sIQQIQ", encoded, len(encoded), kind, 1, _FREE, right, child, b"", 0, 0, 0, start, size
    )


def outlook_message(subject: str, body: str) -> bytes:
    texts = {0x001A: "IPM.Note", 0x0037: subject, 0x1000: body}
    streams = {f"__substg1.0_{tag:04X}001F": value.encode("utf-16-le") for tag, value in texts.items()}
    rows = b"".join(
        struct.pack("<HHIII", 0x001F, tag, 6, len(value.encode("utf-16-le")) + 2, 0) for tag, value in texts.items()
    )
    return compound_file({**streams, "__properties_version1.0": b"\0" * 32 + rows})


def compound_directory(entries: int) -> bytes:
    """Nothing but the directory (version 4): so many empty streams, as a balanced tree."""
    sector = 4096
    sectors = -(-entries // (sector // 128))
    tables = -(-(sectors + 64) // (sector // 4 - 1))
    chain = [*range(tables + 1, tables + sectors), _END]
    fat = [_FAT] * tables + chain
    fat += [_FREE] * (tables * (sector // 4) - len(fat))
    header = struct.pack(
        "<8s16s5H6x9I", _MAGIC, b"", 0x3E, 4, 0xFFFE, 12, 6, sectors, tables, tables, 0, 4096, _END, 0, _END, 0
    )
    header += struct.pack("<109I", *range(tables), *[_FREE] * (109 - tables))
    root = _entry("Root Entry", 5, child=1, start=_END, size=0)
    return (
        header.ljust(sector, b"\0")
        + struct.pack(f"<{len(fat)}I", *fat)
        + root
        + b"".join(_leaf(n, entries) for n in range(1, entries))
        + bytes((-entries * 128) % sector)
    )


def _leaf(number: int, entries: int) -> bytes:
    children = [child if child < entries else _FREE for child in (2 * number, 2 * number + 1)]
    encoded = f"{number:x}".encode("utf-16-le") + b"\0\0"
    return struct.pack("<64sHBBIII36xIQ", encoded, len(encoded), 2, 1, *children, _FREE, _END, 0)
