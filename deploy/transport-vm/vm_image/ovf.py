"""The envelope that tells VMware what a VM made of the template is."""

from __future__ import annotations

from string import Template

ENVELOPE = Template("""\
<?xml version="1.0" encoding="UTF-8"?>
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1"
  xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1"
  xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData"
  xmlns:vssd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData">
  <References>
    <File ovf:href="$disk" ovf:id="file1" ovf:size="$file_bytes"/>
  </References>
  <DiskSection>
    <Info>The disk it boots from; data and configuration are disks of their own.</Info>
    <Disk ovf:capacity="$capacity" ovf:capacityAllocationUnits="byte" ovf:diskId="disk1"
      ovf:fileRef="file1"
      ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"/>
  </DiskSection>
  <NetworkSection>
    <Info>The storage network.</Info>
    <Network ovf:name="storage"><Description>Storage network</Description></Network>
  </NetworkSection>
  <VirtualSystem ovf:id="stowage-transport-vm">
    <Info>A Stowage transport VM.</Info>
    <Name>stowage-transport-vm</Name>
    <OperatingSystemSection ovf:id="101"><Info>Linux</Info></OperatingSystemSection>
    <VirtualHardwareSection>
      <Info>Virtual hardware.</Info>
      <System>
        <vssd:ElementName>Virtual Hardware Family</vssd:ElementName>
        <vssd:InstanceID>0</vssd:InstanceID>
        <vssd:VirtualSystemIdentifier>stowage-transport-vm</vssd:VirtualSystemIdentifier>
        <vssd:VirtualSystemType>vmx-10</vssd:VirtualSystemType>
      </System>
$items    </VirtualHardwareSection>
  </VirtualSystem>
</Envelope>
""")
ITEMS: tuple[dict[str, str], ...] = (
    {"ElementName": "1 CPU", "InstanceID": "1", "ResourceType": "3", "VirtualQuantity": "1"},
    {
        "AllocationUnits": "byte * 2^20",
        "ElementName": "256 MB of memory",
        "InstanceID": "2",
        "ResourceType": "4",
        "VirtualQuantity": "256",
    },
    {
        "Address": "0",
        "ElementName": "SCSI controller",
        "InstanceID": "3",
        "ResourceSubType": "VirtualSCSI",
        "ResourceType": "6",
    },
    {
        "AddressOnParent": "0",
        "ElementName": "Boot disk",
        "HostResource": "ovf:/disk/disk1",
        "InstanceID": "4",
        "Parent": "3",
        "ResourceType": "17",
    },
    {
        "AddressOnParent": "7",
        "AutomaticAllocation": "true",
        "Connection": "storage",
        "ElementName": "Network adapter",
        "InstanceID": "5",
        "ResourceSubType": "VmxNet3",
        "ResourceType": "10",
    },
)
"""One CPU, memory, and devices the kernel has drivers for; fields in the order OVF wants them."""


def envelope(disk: str, file_bytes: int, capacity: int) -> str:
    """The whole document for one disk file, whose disk has `capacity` bytes."""
    items = "".join(_item(fields) for fields in ITEMS)
    return ENVELOPE.substitute(disk=disk, file_bytes=file_bytes, capacity=capacity, items=items)


def _item(fields: dict[str, str]) -> str:
    inner = "".join(f"<rasd:{name}>{value}</rasd:{name}>" for name, value in fields.items())
    return f"      <Item>{inner}</Item>\n"
