from typing import Any

from django.db import migrations

# In the version before these are collections as any other, and everybody who administers them reads them. Originals
# that no document names any more are removed by the worker.
_GONE = """
CREATE TEMPORARY TABLE attached_documents ON COMMIT DROP AS
SELECT d.id, d.collection_id FROM retrieval_document d JOIN retrieval_collection c ON c.id = d.collection_id
 WHERE c.attached
"""
_PASSAGES = """
CREATE TEMPORARY TABLE attached_passages ON COMMIT DROP AS
SELECT id FROM retrieval_passage WHERE document_id IN (SELECT id FROM attached_documents)
"""
_UNMARK = "UPDATE conversations_citation SET passage_id = NULL WHERE passage_id IN (SELECT id FROM attached_passages)"
_PLACES = "DELETE FROM versions_indexeddocument WHERE document_id IN (SELECT id FROM attached_documents)"
_VECTORS = "DELETE FROM retrieval_passagevector WHERE passage_id IN (SELECT id FROM attached_passages)"
_READERS = "DELETE FROM retrieval_document_readers WHERE document_id IN (SELECT id FROM attached_documents)"
_TELL_INDEXES = """
INSERT INTO retrieval_indexchange (document_id, collection_id, kind, created_at)
SELECT id, collection_id, 'remove', now() FROM attached_documents
"""
_STATEMENTS = (
    ("retrieval_document", _GONE),
    ("retrieval_passage", _PASSAGES),
    ("conversations_citation", _UNMARK),
    ("versions_indexeddocument", _PLACES),
    ("retrieval_passagevector", _VECTORS),
    ("retrieval_document_readers", _READERS),
    ("retrieval_passage", "DELETE FROM retrieval_passage WHERE id IN (SELECT id FROM attached_passages)"),
    ("retrieval_indexchange", _TELL_INDEXES),
    ("retrieval_document", "DELETE FROM retrieval_document WHERE id IN (SELECT id FROM attached_documents)"),
    ("attachments_attached", "DELETE FROM attachments_attached"),
    ("retrieval_collection", "DELETE FROM retrieval_collection WHERE attached"),
)


def take_files_along(_: Any, schema_editor: Any) -> None:
    """In the order in which one refers to the other. Tables of other apps may be gone already."""
    there = set(schema_editor.connection.introspection.table_names())
    with schema_editor.connection.cursor() as cursor:
        for table, statement in _STATEMENTS:
            if table in there:
                cursor.execute(statement)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what waits would keep the tables from being changed


class Migration(migrations.Migration):
    """Nothing on the way there; on the way back, what was attached goes with it."""

    dependencies = [
        ("attachments", "0001_initial"),
        ("retrieval", "0007_attached_files"),
    ]

    operations = [
        migrations.RunPython(migrations.RunPython.noop, take_files_along),
    ]
