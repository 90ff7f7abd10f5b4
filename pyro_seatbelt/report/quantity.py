"""Numbers as people read them."""

import math

MINUS = "\u2212"
"""A minus sign, as wide as a plus."""

ABSENT = "\u2013"
"""What stands for a number that is not known."""

_THIN = "\u202f"  # a narrow space that does not break
_RAISED = str.maketrans(
    "-0123456789", "\u207b\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079"
)


def quantity(value: object, digits: int = 4) -> str:
    """Writes a number with so many significant digits, thousands apart.

    Args:
        value: A number; texts are left as they are, and what is not known is a dash.
        digits: Significant digits of a number that is not whole.

    Returns:
        The text.

    Example:
        >>> [quantity(value) for value in (-890.1779, 86366, 0.03125, "seatbelt", None)]
        ['\u2212890.2', '86\u202f366', '0.03125', 'seatbelt', '\u2013']
        >>> quantity(9.5367e-07, 2), quantity(2.0**20, 2)
        ('9.5\u00d710\u207b\u2077', '1\u202f048\u202f576')
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return ABSENT if value is None else str(value)
    if not math.isfinite(value):
        return ABSENT
    if value == 0:
        return "0"
    sign, size = (MINUS if value < 0 else ""), abs(value)
    if isinstance(value, int) or size >= 10 ** (digits - 1):
        if size < 1e9:
            text = f"{size:,.0f}" if size >= 10_000 else f"{size:.0f}"
            return sign + text.replace(",", _THIN)
    elif size >= 1e-3:
        decimals = digits - 1 - math.floor(math.log10(size))
        return sign + f"{size:.{decimals}f}".rstrip("0").rstrip(".")
    mantissa, _, exponent = f"{size:.{digits - 1}e}".partition("e")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{sign}{mantissa}\u00d710{str(int(exponent)).translate(_RAISED)}"


def spread(low: float, high: float, digits: int = 3) -> str:
    """Writes an interval.

    Args:
        low: Its lower end.
        high: Its upper end.
        digits: Significant digits.

    Returns:
        The text; empty when an end is not known.

    Example:
        >>> spread(-30.7, 346), spread(float("nan"), 1.0)
        ('\u221230.7 to 346', '')
    """
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return f"{quantity(low, digits)} to {quantity(high, digits)}"


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
