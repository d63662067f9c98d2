"""Which language a text is in, by its smallest words: as much as is needed to know what its capitals mean."""

from __future__ import annotations

import re

_WORDS = {
    "en": "the of and to in is that for it as was with are by this be from have not which or at has had were on an",
    "de": "der die das und ist nicht ein eine zu den mit von sich des auf für im dem auch es werden wird sind als oder",
    "fr": "le la les de des et est un une dans que pour qui sur pas au avec par plus ce sont il du ne être aux ou",
    "es": "el la los las de y en que un una es por con para del se no al como más su son lo o fue ha",
    "it": "il lo la gli le di e che un una è per con del della non in si da sono nel alla dei come più o",
    "nl": "de het een en van is dat niet op te in voor met zijn door aan ook bij als worden wordt of om deze",
    "pt": "o a os as de e que em um uma é para com do da não no na por mais dos se ao foi ou são",
    "pl": "i w na z do nie się jest że o to od za po dla przez oraz jak są lub które który tym jako być",
}
_KNOWN = {language: frozenset(words.split()) for language, words in _WORDS.items()}
_SCRIPTS = {
    "cjk": re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"),
    "arabic": re.compile(r"[\u0600-\u06ff]"),
    "cyrillic": re.compile(r"[\u0400-\u04ff]"),
    "greek": re.compile(r"[\u0370-\u03ff]"),
    "hebrew": re.compile(r"[\u0590-\u05ff]"),
    "thai": re.compile(r"[\u0e00-\u0e7f]"),
    "devanagari": re.compile(r"[\u0900-\u097f]"),
}
JOINED = frozenset({"cjk", "thai"})  # written without spaces
_WORD = re.compile(r"[^\W\d_]+")
_LOOKED_AT = 4000  # characters
_FEWEST = 2  # of its words, and more than of any other language


def language_of(text: str) -> str:
    """'' where that cannot be told; of other letters than Latin ones, the name of the script."""
    letters = sum(map(str.isalpha, text[:_LOOKED_AT]))
    for script, signs in _SCRIPTS.items():
        if len(signs.findall(text[:_LOOKED_AT])) > letters / 3:
            return script
    words = [one.lower() for one in _WORD.findall(text[:_LOOKED_AT])]
    counts = sorted(((sum(one in known for one in words), name) for name, known in _KNOWN.items()), reverse=True)
    (most, language), (second, _) = counts[:2]
    return language if most >= _FEWEST and most > second else ""
