"""What SCIM refuses, with the names that RFC 7644 gives it (3.12, table 9)."""

from __future__ import annotations

from chatapp.errors import ChatAppError


class ScimError(ChatAppError):
    code, http_status = "invalid", 400
    scim_type = ""
    advice = "Correct it and send it again."


class InvalidFilter(ScimError):
    scim_type = "invalidFilter"
    user_message = "This filter is not understood."
    advice = 'Filters are attributes with `eq` and a value, joined with `and`, such as userName eq "alice".'


class InvalidPath(ScimError):
    scim_type = "invalidPath"
    user_message = "This path is not understood."


class InvalidValue(ScimError):
    scim_type = "invalidValue"
    user_message = "A value is missing or of the wrong kind."


class InvalidSyntax(ScimError):
    scim_type = "invalidSyntax"
    user_message = "This request is not understood."


class NoTarget(ScimError):
    scim_type = "noTarget"
    user_message = "`remove` needs a path."


class Mutability(ScimError):
    scim_type = "mutability"
    user_message = "This attribute cannot be changed."


class Uniqueness(ScimError):
    code, http_status = "uniqueness", 409
    scim_type = "uniqueness"
    user_message = "Something of this name or number is here already."
    advice = "An administrator can tell what it is."


class Changed(ScimError):
    code, http_status = "changed", 412
    user_message = "It was changed in the meantime."
    advice = "Read it again, then change what is there now."


class NoSuchMethod(ScimError):
    code, http_status = "no_such_method", 405
    user_message = "There is no such method here."
    advice = ""


class TooLarge(ScimError):
    code, http_status = "too_large", 413
    user_message = "This request is larger than is allowed."
    advice = "Send less at once."


class TokenRefused(ScimError):
    code, http_status = "sign_in", 401
    user_message = "The token is missing, wrong, revoked or has ended."
    advice = "An administrator makes tokens under /admin/, Provisioning."
