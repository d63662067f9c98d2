"""What the libraries of the formats let through when a file is damaged. Not MemoryError: that is a limit."""

from __future__ import annotations

import lzma
import struct
import zipfile
import zlib
from xml.etree.ElementTree import ParseError

from lxml.etree import LxmlError

DAMAGED = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    LxmlError,
    OSError,
    ParseError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    lzma.LZMAError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
