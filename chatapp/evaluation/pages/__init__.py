"""The pages of retrieval quality under /admin/, for superusers."""
