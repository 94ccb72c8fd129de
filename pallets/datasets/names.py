"""Names that look like what they are, wherever they are shown."""

from typing import Final

# Written out, for what Unicode says of a character depends on Python's version, and a block does
# not: controls, which terminals obey, ends of lines, and what turns the direction of text
# (unicode.org/reports/tr36, 2.9 and 3.6). Joiners stay, for some scripts need them.
_UNREADABLE: Final = (
    range(0x20),
    range(0x7F, 0xA0),
    range(0xAD, 0xAE),
    range(0x61C, 0x61D),
    range(0x200B, 0x200C),
    range(0x200E, 0x2010),
    range(0x2028, 0x202F),
    range(0x2060, 0x2070),
    range(0xFEFF, 0xFF00),
    range(0xFFF9, 0xFFFC),
    range(0xE0000, 0xE1000),
)
_INVISIBLE_ALONE: Final = " \u00a0\u200c\u200d\u3000\ufe0f"


def is_readable(text: str) -> bool:
    """Whether the text shows something, and hides nothing."""
    if not text.strip(_INVISIBLE_ALONE) or text != text.strip(" "):
        return False
    return not any(ord(each) in hidden for each in text for hidden in _UNREADABLE)
