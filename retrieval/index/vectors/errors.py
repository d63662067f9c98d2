"""What can go wrong with a vector index, for people and for machines."""

from __future__ import annotations

from retrieval.errors import RetrievalError


class IndexTooLarge(RetrievalError):
    """Found before anything is loaded or built."""

    code, http_status = "index_too_large", 507
    user_message = "The vector index does not fit into the memory of this machine."
    advice = (
        "Choose a smaller kind with RETRIEVAL_INDEX_KIND, give the machine more memory, or move the index to Milvus."
    )


class IndexKindMissing(RetrievalError):
    code, http_status = "index_kind_missing", 501
    user_message = "This machine cannot serve an index of that kind."
    advice = "Install what the kind needs (docs/operations.md, index kinds) or set RETRIEVAL_INDEX_KIND=auto."


class IndexFilesDamaged(RetrievalError):
    code, http_status = "index_files_damaged", 500
    user_message = "The files of the vector index are incomplete or damaged."
    advice = "Build the index again; the vectors themselves are safe in the database."


class BuildStopped(RetrievalError):
    code, http_status, retryable = "index_build_stopped", 409, True
    user_message = "Building the vector index was stopped."
    advice = "Start it again; what was written so far is used."


class VectorStoreUnavailable(RetrievalError):
    code, http_status, retryable = "vector_store_unavailable", 503, True
    user_message = "The vector database (Milvus) cannot be reached."
    advice = "Check that it runs and that RETRIEVAL_MILVUS_URL and RETRIEVAL_MILVUS_TOKEN are right, then try again."
