"""The one exception that means: the user's input is wrong."""


class InputError(ValueError):
    """Something the user gave cannot be used.

    The text is one line that says what was expected, what came and what to do.
    The command line prints it and exits with status 2; library users may catch
    it as a :class:`ValueError`.

    Example:
        >>> raise InputError("expected layers >= 1, got 0: pass --layers 1 or more")
        Traceback (most recent call last):
            ...
        pyro_seatbelt.errors.InputError: expected layers >= 1, got 0: pass --layers 1 or more
    """
