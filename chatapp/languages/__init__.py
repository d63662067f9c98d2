"""The languages that the pages speak: which one is meant, the texts in them, and how a reader chooses.

The English texts in the code are the keys. What programs read (`/v1/`, `/scim/`, logs, the trail, commands) is English.
docs/translations.md says how a text is marked and how a language is added.
"""
