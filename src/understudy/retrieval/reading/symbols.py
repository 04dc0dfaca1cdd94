"""Characters of symbol fonts, by the codes that documents store."""

from typing import Final

_GREEK: Final = dict(zip(range(0x61, 0x7B), "αβχδεφγηιϕκλμνοπθρστυϖωξψζ", strict=True))
_CAPITALS: Final = dict(zip(range(0x41, 0x5B), "ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ", strict=True))
_SYMBOL: Final = {
    **_GREEK, **_CAPITALS, 0xA3: "≤", 0xA5: "∞", 0xB0: "°", 0xB1: "±", 0xB3: "≥", 0xB4: "×", 0xB7: "•", 0xB8: "÷",
    0xB9: "≠", 0xBB: "≈", 0xAB: "↔", 0xAC: "←", 0xAE: "→", 0xD6: "√", 0xE5: "∑", 0xF2: "∫", 0xDE: "⇒", 0xCE: "∈",
}  # fmt: skip
_WINGDINGS: Final = {
    0xFC: "✓", 0xFB: "✗", 0xFE: "☑", 0xFD: "☒", 0xA8: "☐", 0x6F: "☐", 0x71: "☐", 0x78: "☒", 0xE0: "→", 0xDF: "←",
    0xF0: "→", 0xD8: "➢", 0xA7: "▪", 0x6E: "■", 0x6C: "●", 0x28: "☎", 0x2A: "✉", 0x4A: "☺", 0x52: "☑",
}  # fmt: skip
_SYMBOL_FONTS: Final = {"symbol": _SYMBOL, "wingdings": _WINGDINGS, "wingdings 2": _WINGDINGS}


def symbol(font: str, code: str) -> str:
    """The character for a symbol font's hexadecimal `code`, also in the private use area; □ for an unknown code."""
    try:
        number = int(code, 16)
    except ValueError:
        return ""
    low = number - 0xF000 if 0xF000 <= number <= 0xF0FF else number
    table = _SYMBOL_FONTS.get(font.lower())
    if table is not None and low in table:
        return table[low]
    if table is None or table is _SYMBOL:
        return chr(low) if 0x20 <= low < 0xD800 else "□"
    return "□"
