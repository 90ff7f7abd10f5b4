"""A file that somebody else publishes."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["tar", "zip", "torch", "text"]


@dataclass(frozen=True)
class PublishedFile:
    """What is known of a published file.

    Attributes:
        name: What its publishers call it.
        kind: What is in it.
        address: Where it can be downloaded; empty if it cannot or must not be.
        num_bytes: Its size, if that is published.
        md5: Its MD5 (hex), if that is published, else empty.
        rough_size: Its size in words.
    """

    name: str
    kind: Kind
    address: str = ""
    num_bytes: int | None = None
    md5: str = ""
    rough_size: str = ""

    @property
    def remedy(self) -> str:
        """What to do about a damaged one: the end of a sentence."""
        return f"download {self.address} again" if self.address else f"get {self.name} again"
