"""Why a job cannot be begun, or did not end well."""

from __future__ import annotations

from inference.errors import InferenceError


class JobRefused(InferenceError):
    code, http_status = "job_refused", 422
    user_message = "This cannot be done with this model."
    advice = "Correct the request."


class JobFailed(InferenceError):
    code, http_status = "job_failed", 500
    user_message = "The job failed."
    advice = "The worker's log has the details."


class JobCancelled(InferenceError):
    code, http_status = "job_cancelled", 409
    user_message = "The job was cancelled."
    advice = "Nothing of it stays, but for the part of a download, which the next one goes on from."


class NotEnoughMemory(InferenceError):
    code, http_status = "not_enough_memory", 507
    user_message = "There is not enough memory for this."
    advice = "Wait until the model service has unloaded a model, or use a larger machine."


class LeaseLost(Exception):
    """Somebody else holds the job now, or it is gone: nothing of ours may be written."""


class Stopping(Exception):
    """This process is being stopped: the job is given back."""
