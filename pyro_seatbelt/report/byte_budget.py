"""How large a page may be."""

PAGE_BYTES = 10_500_000
"""A page at most, as if text were pictures, which become a third larger as text."""

RUN_BYTES = 100_000
"""Of that, what the words and charts of a run take."""


class ByteBudget:
    """The bytes of pictures that a page may still hold.

    Args:
        num_bytes: How many there are.
        whole: The budget of which this is a part.

    Attributes:
        left: How many are left.

    Example:
        >>> budget = ByteBudget(100)
        >>> budget.take(60), budget.take(60), budget.left
        (True, False, 40)
    """

    def __init__(self, num_bytes: int, whole: "ByteBudget | None" = None) -> None:
        self.left = num_bytes
        self._whole = whole

    def part(self, num_bytes: int) -> "ByteBudget":
        """Sets a part aside: what is taken from it is taken from the whole too.

        Args:
            num_bytes: How many bytes it has.

        Example:
            >>> budget = ByteBudget(100)
            >>> budget.part(50).take(30), budget.left
            (True, 70)
        """
        return ByteBudget(num_bytes, self)

    def take(self, num_bytes: int) -> bool:
        """Takes some bytes, if there are as many left.

        Args:
            num_bytes: How many.

        Returns:
            Whether there were.
        """
        if num_bytes > self.left or not (self._whole is None or self._whole.take(num_bytes)):
            return False
        self.left -= num_bytes
        return True


def page_budget(num_runs: int) -> ByteBudget:
    """Says how many bytes the pictures of a page may have.

    Args:
        num_runs: Runs on the page.

    Example:
        >>> page_budget(1).left, page_budget(200).left
        (10400000, 5250000)
    """
    return ByteBudget(max(PAGE_BYTES // 2, PAGE_BYTES - RUN_BYTES * num_runs))
