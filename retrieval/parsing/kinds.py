"""The kinds of files that are read: their media types, their names for people, and the endings of file names."""

from __future__ import annotations

CODE_EXTENSIONS = frozenset(
    ".py .pyi .js .mjs .cjs .jsx .ts .tsx .java .kt .kts .scala .groovy .gradle .go .rs .c .h .cc .cpp .cxx .hpp .cs"
    " .fs .vb .rb .php .swift .m .mm .dart .lua .pl .pm .r .jl .hs .ex .exs .erl .clj .elm .zig .sol .sql .sh .bash"
    " .zsh .ps1 .bat .cmake .mk .tf .proto .graphql .css .scss .less .vue .svelte .yaml .yml .toml .ini .cfg .conf"
    " .properties .env .dockerfile".split()
)
MEDIA_TYPES = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "html": "text/html",
    "markdown": "text/markdown",
    "text": "text/plain",
    "csv": "text/csv",
    "email": "message/rfc822",
    "outlook": "application/vnd.ms-outlook",
    "epub": "application/epub+zip",
    "source": "text/x-source-code",
    "json": "application/json",
    "jsonl": "application/jsonl",
    "notebook": "application/x-ipynb+json",
    "xml": "application/xml",
    "png": "image/png",
    "jpeg": "image/jpeg",
    "tiff": "image/tiff",
    "webp": "image/webp",
    "bmp": "image/bmp",
}
WORDS = {
    "pdf": "PDF",
    "docx": "Word",
    "pptx": "PowerPoint",
    "xlsx": "Excel",
    "html": "HTML",
    "markdown": "Markdown",
    "text": "plain text",
    "csv": "CSV",
    "email": "e-mail",
    "outlook": "an Outlook message",
    "epub": "EPUB",
    "source": "source code",
    "json": "JSON",
    "jsonl": "JSON lines",
    "notebook": "a notebook",
    "xml": "XML",
    "png": "a picture",
    "jpeg": "a picture",
    "tiff": "a picture",
    "webp": "a picture",
    "bmp": "a picture",
}
BY_EXTENSION = {
    ".pdf": "pdf",
    ".docx": "docx",
    ".docm": "docx",
    ".pptx": "pptx",
    ".pptm": "pptx",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".md": "markdown",
    ".markdown": "markdown",
    ".csv": "csv",
    ".tsv": "csv",
    ".eml": "email",
    ".msg": "outlook",
    ".txt": "text",
    ".epub": "epub",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".ipynb": "notebook",
    ".xml": "xml",
    ".png": "png",
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".webp": "webp",
    ".bmp": "bmp",
    **dict.fromkeys(CODE_EXTENSIONS, "source"),
}
TEXT_KINDS = {"html", "markdown", "text", "csv", "email", "source", "json", "jsonl", "notebook", "xml"}
PICTURE_KINDS = {"png", "jpeg", "tiff", "webp", "bmp"}
