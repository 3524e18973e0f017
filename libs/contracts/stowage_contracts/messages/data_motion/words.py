"""What all words of data-motion have in common."""

from stowage_contracts.message import Kind, Message, Resource
from stowage_contracts.values import ServiceName
from stowage_contracts.views import CopyView


class Command(Message):
    """An order to data-motion."""

    kind = Kind.COMMAND
    owner = ServiceName.DATA_MOTION


class CopyEvent(Message):
    """Something that happened to a copy, with its whole public state."""

    kind = Kind.EVENT
    owner = ServiceName.DATA_MOTION

    state: CopyView

    @property
    def resource(self) -> Resource | None:
        """What read models keep."""
        return Resource(noun="copy", id=self.state.id, state=self.state.model_dump(mode="json"))
