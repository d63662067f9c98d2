"""What each character looks like to a reader: characters that show nothing, and those that only look like letters."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

# Letters of other scripts that are drawn as a Latin one. Pairs of the letter and what it looks like.
_LOOKALIKES = (
    "аa еe оo рp сc уy хx іi ѕs јj һh ԁd ԛq ԝw ѵv ӏl ғf ҝk пn тt кk мm вb нh гr ьb зz ёe ѐe ѝu иu йu "
    "АA ВB ЕE КK МM НH ОO РP СC ТT УY ХX ІI ЅS ЈJ ԌG ԚQ ԜW Ѵv ЁE "
    "αa βb εe ιi κk νv οo ρp τt υu χx γy ηn ωw σo ςs ίi όo άa έe ύu "
    "ΑA ΒB ΕE ΖZ ΗH ΙI ΚK ΜM ΝN ΟO ΡP ΤT ΥY ΧX "
    "օo սu հh ոn եe զq ցg պm ᎪA ᏴB ᏟC ᎠD ᎬE ᎻH ᎫJ ᏦK ᏞL ᎷM ᏀG ᏢP ᎡR ᏚS ᎢT ᏙV ᎳW ᏃZ "
    "ɑa ɡg ıi ɩi ʟl ɴn ʀr ʏy ᴀa ʙb ᴄc ᴅd ᴇe ꜰf ɢg ʜh ɪi ᴊj ᴋk ᴍm ᴏo ᴘp ꜱs ᴛt ᴜu ᴠv ᴡw ᴢz "
    "ɐa ǝe ɟf ɓb ɗd ƙk ƭt øo Øo đd łl ŧt ħh ƒf ⅼl ∣l ｜l ׀l ոn ꞌ' ʼ' ’' ‘' “\" ”\" –- —- ‐- ‑- −-"
)
_SHOWN_AS = {pair[0]: pair[1] for pair in _LOOKALIKES.split()}
_TAGS = range(0xE0020, 0xE007F)  # a copy of ASCII that no font draws
_SELECTORS = (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0), range(0x180B, 0x180E))
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800\u034f\u17b4\u17b5")


@lru_cache(maxsize=8192)
def shown_as(character: str) -> str:
    """What a reader takes it for; nothing where it shows nothing. What is hidden in tags is told."""
    number = ord(character)
    if number in _TAGS:
        return chr(number - 0xE0000)
    if character in _SHOWN_AS:
        return _SHOWN_AS[character]
    if shows_nothing(character) or 0x300 <= number <= 0x36F:
        return ""
    plain = unicodedata.normalize("NFKC", character)
    return "".join(_SHOWN_AS.get(one, one) for one in plain)


def shows_nothing(character: str) -> bool:
    """Zero width, marks of direction, selectors of variants."""
    if character in _BLANK or any(ord(character) in one for one in _SELECTORS):
        return True
    return unicodedata.category(character) == "Cf" or ord(character) == 0xE0001
