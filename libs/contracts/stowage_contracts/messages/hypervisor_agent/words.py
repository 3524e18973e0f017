"""What commands to agents, and their reports and signals, have in common."""

from stowage_contracts.message import Kind, Message
from stowage_contracts.values import Id, ServiceName


class Command(Message):
    """Something one agent is asked to do."""

    kind = Kind.COMMAND
    owner = ServiceName.HYPERVISOR_AGENT


class Report(Message):
    """What became of it; kept until somebody has heard it."""

    kind = Kind.REPORT
    owner = ServiceName.HYPERVISOR_AGENT

    host_id: Id


class Signal(Message):
    """Live figures; a lost one costs nothing."""

    kind = Kind.SIGNAL
    owner = ServiceName.HYPERVISOR_AGENT

    host_id: Id
