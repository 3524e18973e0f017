"""A transport VM as libvirt's domain: what is handed to it, and nothing it may keep."""

from dataclasses import dataclass
from uuid import NAMESPACE_URL, UUID, uuid5
from xml.etree.ElementTree import Element, SubElement, tostring

from hypervisor_agent.machines.qemu import INITRD, KERNEL
from hypervisor_agent.machines.record import CONSOLE
from hypervisor_agent.machines.runner import Vm
from hypervisor_agent.machines.taps import mac_of, tap_of

DISK_TARGET = "vda"


@dataclass(frozen=True)
class Shape:
    """What all domains of a host have in common."""

    bridge: str
    kvm: bool
    processors: int


def uuid_of(vm_id: str) -> UUID:
    """The same for the same VM."""
    return uuid5(NAMESPACE_URL, f"stowage:transport_vm/{vm_id}")


def domain_of(vm: Vm, shape: Shape) -> str:
    """Its XML."""
    domain = Element("domain", type="kvm" if shape.kvm else "qemu")
    _text(domain, "name", f"stowage-{vm.record.vm_id}")
    _text(domain, "uuid", str(uuid_of(vm.record.vm_id)))
    _text(domain, "memory", str(vm.mebibytes), unit="MiB")
    _text(domain, "vcpu", str(shape.processors))
    _boot(SubElement(domain, "os"), vm)
    SubElement(SubElement(domain, "features"), "acpi")
    SubElement(domain, "cpu", mode="host-passthrough" if shape.kvm else "maximum")
    for event in ("on_poweroff", "on_reboot", "on_crash"):
        _text(domain, event, "destroy")
    _devices(SubElement(domain, "devices"), vm, shape)
    return tostring(domain, encoding="unicode")


def _boot(os: Element, vm: Vm) -> None:
    _text(os, "type", "hvm", arch="x86_64", machine="q35")
    _text(os, "kernel", str(vm.image.folder / KERNEL))
    _text(os, "initrd", str(vm.image.folder / INITRD))
    _text(os, "cmdline", " ".join(("console=ttyS0 quiet panic=-1", *vm.arguments)))


def _devices(devices: Element, vm: Vm, shape: Shape) -> None:
    disk = SubElement(devices, "disk", type="file", device="disk")
    # A full host is told to the guest, which answers its clients; it is not halted.
    policies = {"error_policy": "report", "rerror_policy": "report"}
    caching = {"cache": "writeback", "discard": "unmap"}
    SubElement(disk, "driver", {"name": "qemu", "type": "raw", **caching, **policies})
    SubElement(disk, "source", file=vm.disk)
    SubElement(disk, "target", dev=DISK_TARGET, bus="virtio")
    network = SubElement(devices, "interface", type="bridge")
    SubElement(network, "mac", address=mac_of(vm.record.address))
    SubElement(network, "source", bridge=shape.bridge)
    SubElement(network, "target", dev=tap_of(vm.record.vm_id))
    SubElement(network, "model", type="virtio")
    SubElement(network, "port", isolated="yes")
    serial = SubElement(devices, "serial", type="file")
    SubElement(serial, "source", path=str(vm.folder / CONSOLE), append="on")
    SubElement(serial, "target", port="0")
    SubElement(devices, "memballoon", model="none")


def _text(parent: Element, name: str, text: str, **attributes: str) -> None:
    SubElement(parent, name, attributes).text = text
