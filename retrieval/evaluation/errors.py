"""What can be wrong with question sets and runs."""

from __future__ import annotations

from retrieval.errors import RetrievalError


class BadQuestionSet(RetrievalError):
    """The sentence names the line."""

    code, http_status = "bad_question_set", 422
    user_message = "This is no question set."
    advice = "Correct it and import it again; nothing was stored."


class UnknownEvaluation(RetrievalError):
    code, http_status = "unknown_evaluation", 404
    user_message = "There is no such question set or run."
    advice = "`manage.py evaluate list` names them."


class RunRefused(RetrievalError):
    code, http_status = "evaluation_refused", 409
    user_message = "This cannot be evaluated."
    advice = "Correct what the sentence names."
