"""How large a page may be."""

PAGE_BYTES = 10_500_000
"""A page at most, as if text were pictures, which become a third larger as text."""

RUN_BYTES = 100_000
"""Of that, what the words and curves of a run take."""


def page_room(num_runs: int) -> "Room":
    """How much room there is for pictures.

    Args:
        num_runs: Runs on the page.

    Example:
        >>> page_room(1).left, page_room(200).left
        (10400000, 5250000)
    """
    return Room(max(PAGE_BYTES // 2, PAGE_BYTES - RUN_BYTES * num_runs))


class Room:
    """The bytes of pictures that still fit.

    Args:
        num_bytes: How many there are.

    Example:
        >>> room = Room(100)
        >>> room.take(60), room.take(60), room.left
        (True, False, 40)
    """

    def __init__(self, num_bytes: int) -> None:
        self.left = num_bytes

    def take(self, num_bytes: int) -> bool:
        """Takes some of it, if there is as much.

        Args:
            num_bytes: How many.

        Returns:
            Whether there was.
        """
        if num_bytes > self.left:
            return False
        self.left -= num_bytes
        return True
