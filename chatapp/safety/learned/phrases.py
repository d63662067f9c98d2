"""Turns of phrase by which a text gives orders to a model: a plain rule beside the learned ones."""

from __future__ import annotations

from chatapp.safety.linear import sign

_BEFORE = (
    r"(?:previous|prior|above|earlier|preceding|foregoing|initial|original|existing|former|all|any|your|system|the)"
)
_ORDERS = (
    r"(?:instructions?|prompts?|directions?|directives?|rules?|guidelines?|programming|restrictions?|commands?|context)"
)
_DROP = (
    r"(?:ignore|disregard|forget|override|bypass|drop|neglect|discard|overlook|do not follow|don't follow|"
    r"stop following)"
)
_YOURS = r"(?:your|the|its|my|their|of|all|any|these|those|safety|content|ethical|openai|moral)"
_FEW = r"\s(?:\w{1,12}\s){0,3}"  # words between

_ORDERING = (
    rf"\b{_DROP}{_FEW}{_BEFORE}{_FEW}{_ORDERS}\b",
    rf"\b{_DROP}\s(?:everything|anything|all|what){_FEW}(?:before|above|prior|previous|previously|said|told|written)\b",
    rf"\b(?:reveal|print|show|repeat|output|tell|display|leak|give){_FEW}(?:system|initial|hidden|secret|original)\s"
    r"(?:prompt|instructions?|message)\b",
    r"\b(?:dan|developer|god|jailbreak|dude|debug|sudo|unrestricted|evil|opposite)\smode\b",
    r"\bdo anything now\b",
    r"\bjailbr(?:eak|oken)\w{0,5}\b",
    r"\b(?:without|no|free (?:of|from)|not bound by|break free of|unbound by|freed from)\s(?:\w{1,12}\s){0,2}"
    rf"{_YOURS}?\s?(?:\w{{1,12}}\s){{0,2}}(?:restrictions?|filters?|censorship|limitations?|limits|ethic(?:s|al)|"
    r"moral(?:s|ity|ly)?|openai policies|safeguards)\b",
    r"\b(?:you are|you're|act as|pretend (?:to be|that you are)|simulate|roleplay as)\s(?:\w{1,15}\s){0,6}"
    r"(?:unfiltered|uncensored|unrestricted|amoral|unethical|immoral|jailbroken|evil|no rules)\b",
    r"\b(?:never|not|cannot|can't|won't|don't)\s(?:say|refuse|decline|reject|deny)\s(?:\w{1,12}\s){0,5}"
    r"(?:request|prompt|question|answer|anything|no|user|order|command|can't|cannot|sorry)s?\b",
    r"\b(?:stay in|break|out of|in) character\b",
    r"\bfrom now on,?\s(?:\w{1,12}\s){0,3}(?:you|chatgpt|gpt)\b",
    r"\[(?:insert|your|my)\s[^\]\n]{0,20}(?:prompt|jailbreak|question|request)[^\]\n]{0,20}\]|\[prompt\]",
    r"<\|?(?:im_start|im_end|system|assistant|endoftext)\|?>",
    r"(?:^|\n)\s{0,4}#{2,4}\s?(?:system|instruction|new instructions?|assistant)\b",
)
_PATTERN = sign("|".join(f"(?:{one})" for one in _ORDERING), any_case=True)


def orders(text: str) -> bool:
    """Whether a text speaks to a model as one who would change its rules does."""
    return _PATTERN.search(text) is not None
