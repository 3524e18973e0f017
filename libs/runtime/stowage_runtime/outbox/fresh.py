"""The short way from a commit to the relay of the same process, past the database."""

from collections import OrderedDict, deque
from collections.abc import Sequence

from stowage_runtime.outbox import Numbered

MOST = 5000
"""More than the relay can have missed; beyond it the outbox itself is read."""
REMEMBERED = 50_000
"""Subjects whose last sent number is known."""


class Fresh:
    """Committed messages the relay has not seen; kept only while it takes them."""

    def __init__(self) -> None:
        self._waiting: deque[Numbered] = deque()
        self.open = False
        """Whether the relay of this process leads."""
        self.spilled = False
        """Something was left out: it is in the outbox."""

    def put(self, messages: Sequence[Numbered]) -> bool:
        """Offer what was just committed; False when nobody takes it here."""
        if self.open and len(self._waiting) + len(messages) > MOST:
            self.spilled = True
        elif self.open:
            self._waiting.extend(messages)
        return self.open

    def take(self, most: int) -> list[Numbered]:
        """The oldest ones."""
        return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]

    def clear(self, *, open: bool) -> None:
        """Begin anew, as leader or not."""
        self._waiting.clear()
        self.open = self.spilled = open

    def __len__(self) -> int:
        return len(self._waiting)


class Order:
    """The number of the last message sent of each subject, as far as it is remembered.

    Numbers of a subject have no gaps, so whoever knows the last one knows whether a message is
    the next: commits may be heard of in another order than they happened in.
    """

    def __init__(self) -> None:
        self._last: OrderedDict[str, int] = OrderedDict()

    def follows(self, message: Numbered) -> bool | None:
        """Whether it is the next of its subject; None when it was sent already."""
        last = self._last.get(message.subject)
        sequence = message.envelope.sequence
        if last is None:
            return sequence == 1
        return None if sequence <= last else sequence == last + 1

    def note(self, message: Numbered) -> None:
        """It is being sent."""
        self._last.pop(message.subject, None)
        self._last[message.subject] = message.envelope.sequence
        if len(self._last) > REMEMBERED:
            self._last.popitem(last=False)

    def forget(self, subject: str) -> None:
        """Something of it did not arrive: let the outbox say what is next."""
        self._last.pop(subject, None)

    def clear(self) -> None:
        """Forget everything."""
        self._last.clear()
