"""Which of our nouns CloudStack's names mean."""

from enum import StrEnum


class MirrorNoun(StrEnum):
    """What is looked at."""

    PLACE = "place"
    """Zones, pods, clusters and hosts, always all of them: they have no events of their own."""
    TEMPLATE = "template"
    """Templates and ISOs."""
    VOLUME = "volume"
    SNAPSHOT = "snapshot"


_CLASSES = {
    "template": MirrorNoun.TEMPLATE,
    "virtualmachinetemplate": MirrorNoun.TEMPLATE,
    "iso": MirrorNoun.TEMPLATE,
    "volume": MirrorNoun.VOLUME,
    "snapshot": MirrorNoun.SNAPSHOT,
    "zone": MirrorNoun.PLACE,
    "datacenter": MirrorNoun.PLACE,
    "pod": MirrorNoun.PLACE,
    "cluster": MirrorNoun.PLACE,
    "host": MirrorNoun.PLACE,
}


def noun_of_class(name: str) -> MirrorNoun | None:
    """Of a resource type, or a Java class with dots or (in routing keys) dashes."""
    return _CLASSES.get(name.replace("-", ".").rpartition(".")[2].lower())


def noun_of_type(event_type: str) -> MirrorNoun | None:
    """Of a dotted event type, by its first word."""
    return _CLASSES.get(event_type.partition(".")[0].lower())
