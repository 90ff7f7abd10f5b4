"""How large a page may be."""

PAGE_BYTES = 10_500_000
"""Pictures on a page, before they become text, which makes them a third larger."""


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
