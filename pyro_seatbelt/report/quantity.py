"""Numbers as people read them."""

import math
import sys

MINUS = "\u2212"
"""A minus sign, as wide as a plus."""

ABSENT = "\u2013"
"""What stands for a number that is not known."""

_THIN = "\u202f"  # a narrow space that does not break
_RAISED = str.maketrans(
    "-0123456789", "\u207b\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079"
)


def quantity(value: object, digits: int = 4, *, padded: bool = False) -> str:
    """Writes a number with so many significant digits, thousands apart.

    Args:
        value: A number; texts are left as they are, and what is not known is a dash.
        digits: Significant digits of a number that is not whole.
        padded: Whether it keeps zeros at its end, unless it is round.

    Returns:
        The text.

    Example:
        >>> [quantity(value) for value in (-890.1779, 86366, 0.03125, "seatbelt", None)]
        ['\u2212890.2', '86\u202f366', '0.03125', 'seatbelt', '\u2013']
        >>> quantity(9.5367e-07, 2), quantity(2.0**20, 2)
        ('9.5\u00d710\u207b\u2077', '1\u202f048\u202f576')
        >>> quantity(9.99999, padded=True), quantity(0.5, padded=True)
        ('10.000', '0.5')
    """
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ABSENT
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if abs(value) > sys.float_info.max:
        return "\u221e"  # a whole number has no largest value
    sign, size = (MINUS if value < 0 else ""), abs(value)
    if size >= 1e9 or 0 < size < 1e-3:
        return sign + _scientific(size, digits)
    if isinstance(value, int) or size >= 10 ** (digits - 1):
        text = f"{size:,.0f}" if size >= 10_000 else f"{size:.0f}"
        return sign + text.replace(",", _THIN)
    text = f"{size:.{digits - 1 - math.floor(math.log10(size or 1))}f}"
    return sign + (text if padded and size != round(size, 3) else _short(text))


def _scientific(size: float, digits: int) -> str:
    mantissa, _, exponent = f"{size:.{digits - 1}e}".partition("e")
    return f"{_short(mantissa)}\u00d710{str(int(exponent)).translate(_RAISED)}"


def _short(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def measured(value: object, digits: int = 4) -> str:
    """Writes a number that was measured: zeros at its end are part of it.

    Args:
        value: A number; texts are left as they are, and what is not known is a dash.
        digits: Significant digits.

    Example:
        >>> measured(0.02420001), measured(60)
        ('0.02420', '60')
    """
    return quantity(value, digits, padded=True)


def between(low: float, high: float, digits: int = 3) -> str:
    """Writes an interval.

    Args:
        low: Its lower end.
        high: Its upper end.
        digits: Significant digits.

    Returns:
        The text; empty when an end is not known.

    Example:
        >>> between(-30.7, 346), between(float("nan"), 1.0)
        ('\u221230.7 to 346', '')
    """
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return f"{measured(low, digits)} to {measured(high, digits)}"


def size(num_bytes: int) -> str:
    """Writes how large a file is.

    Args:
        num_bytes: Bytes.

    Example:
        >>> size(1_340_000), size(51_300)
        ('1.3 MB', '51 kB')
    """
    if num_bytes >= 1_000_000:
        return f"{num_bytes / 1e6:.1f} MB"
    return f"{max(1, round(num_bytes / 1e3))} kB"
