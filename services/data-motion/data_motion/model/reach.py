"""Whether an agent can carry bytes from one end to another; '' or what it lacks, in words."""

from stowage_contracts.plugins.data_motion_strategy import AgentView
from stowage_contracts.values import (
    CopyEnd,
    EndKind,
    HopMethod,
    HypervisorKind,
    Location,
    ScopeType,
)


def lacks_to_do(method: HopMethod, agent: AgentView, source: CopyEnd, destination: CopyEnd) -> str:
    """Why ``agent`` can't make ``destination`` of ``source`` that way; '' when it can."""
    if method is HopMethod.COPY:
        return lacks_to_carry(agent, source, destination)
    if method is HopMethod.NATIVE:
        return lacks_to_move(agent, source, destination)
    return _lacks_host(agent, destination) or _lacks_place(agent, source)


def lacks_to_move(agent: AgentView, source: CopyEnd, destination: CopyEnd) -> str:
    """Why the hypervisor of ``agent`` can't move a volume between two of its pools itself."""
    if not agent.abilities.moves:
        return "does not declare that its hypervisor moves volumes"
    return _lacks_host(agent, destination) or _lacks_host(agent, source)


def lacks_to_carry(agent: AgentView, source: CopyEnd, destination: CopyEnd) -> str:
    """Why ``agent`` can't move ``source`` to ``destination``; '' when it can."""
    return (
        lacks_to_read(agent, source)
        or lacks_to_write(agent, destination)
        or lacks_to_convert(agent, source, destination)
    )


def lacks_to_read(agent: AgentView, source: CopyEnd) -> str:
    """Why ``agent`` can't read ``source``; '' when it can."""
    if source.kind is EndKind.URL:
        if not agent.abilities.fetch:
            return "may not fetch URLs"
        return _lacks_scheme("reads", agent.abilities.reads, source)
    return _lacks_place(agent, source) or _lacks("reads", agent, agent.abilities.reads, source)


def lacks_to_write(agent: AgentView, destination: CopyEnd) -> str:
    """Why ``agent`` can't write ``destination``; '' when it can."""
    host = _lacks_host(agent, destination)
    return host or _lacks("writes", agent, agent.abilities.writes, destination)


def lacks_to_convert(agent: AgentView, source: CopyEnd, destination: CopyEnd) -> str:
    """Why ``agent`` can't make the destination's format of the source's; '' when it can."""
    wanted = {source.format, destination.format}
    if len(wanted) == 1 or wanted <= set(agent.abilities.convert):
        return ""
    return f"cannot convert {source.format} to {destination.format}"


def who(agent: AgentView) -> str:
    """An agent in a few words, as an operator knows it."""
    kind = agent.abilities.hypervisor
    name = "mover" if kind is HypervisorKind.NONE else f"{kind} host"
    return f"{name} {agent.host_id}{where(agent.location)}"


def where(location: Location) -> str:
    """``' in zone z1'``, or nothing where that is not known."""
    return f" in zone {location.zone_id}" if location.zone_id else ""


def _lacks_host(agent: AgentView, end: CopyEnd) -> str:
    wanted = end.hypervisor
    if wanted is not None and wanted is not agent.abilities.hypervisor:
        return f"is no {wanted} host"
    return _lacks_place(agent, end)


def _lacks_place(agent: AgentView, end: CopyEnd) -> str:
    if end.scope.covers(agent.location):
        return ""
    if end.scope.type is ScopeType.HOST:
        return f"is not host {end.scope.id}, which alone sees {end.store_id}"
    return f"is outside {end.scope.type} {end.scope.id}, the scope of {end.store_id}"


def _lacks(verb: str, agent: AgentView, schemes: tuple[str, ...], end: CopyEnd) -> str:
    common = set(schemes) & set(end.schemes)
    if not common:
        return _lacks_scheme(verb, schemes, end)
    if common == {"file"} and not agent.abilities.sees(end.root):
        return f"does not see {end.root or 'a directory without a name'} of {end.store_id}"
    return ""


def _lacks_scheme(verb: str, schemes: tuple[str, ...], end: CopyEnd) -> str:
    if set(schemes) & set(end.schemes):
        return ""
    only = ", ".join(schemes) or "nothing"
    return f"{verb} only {only}, not {' or '.join(end.schemes)}"
