// The hardware of the host, as `/1.0/resources` tells it.

/** A thread of a core: what the kernel calls a processor. */
export interface CpuThread {
  id: number;
  numa_node: number;
  thread: number;
  online: boolean;
  /** whether the kernel keeps others off it */
  isolated: boolean;
}

/** A core of a processor. */
export interface CpuCore {
  core: number;
  die: number;
  threads: CpuThread[];
  /** MHz */
  frequency: number;
}

/** A cache of a processor. */
export interface CpuCache {
  level: number;
  type: string;
  /** bytes */
  size: number;
}

/** A processor, as it sits in its socket. */
export interface CpuSocket {
  name: string;
  vendor: string;
  socket: number;
  cache: CpuCache[];
  cores: CpuCore[];
  /** MHz, as are the two below; 0 where nobody knows */
  frequency: number;
  frequency_minimum: number;
  frequency_turbo: number;
}

/** The memory of a NUMA node. */
export interface MemoryNode {
  numa_node: number;
  /** bytes, as are all below */
  hugepages_used: number;
  hugepages_total: number;
  used: number;
  total: number;
}

/** A partition of a disk. */
export interface DiskPartition {
  id: string;
  device: string;
  read_only: boolean;
  /** bytes */
  size: number;
  partition: number;
}

/** A disk. */
export interface Disk {
  id: string;
  /** major and minor number */
  device: string;
  model: string;
  /** bus it hangs on: `nvme`, `virtio`, `scsi`, … */
  type: string;
  read_only: boolean;
  removable: boolean;
  /** bytes, as is the block size */
  size: number;
  block_size: number;
  numa_node: number;
  /** 0 if it does not turn */
  rpm: number;
  partitions: DiskPartition[];
  pci_address?: string;
  serial?: string;
  wwn?: string;
  firmware_version?: string;
  device_id?: string;
}

/** What a device on a bus says of itself. */
export interface BusDevice {
  driver: string;
  driver_version: string;
  vendor: string;
  vendor_id: string;
  product: string;
  product_id: string;
}

/** A port of a network card: an interface. */
export interface NetworkPort {
  id: string;
  address: string;
  port: number;
  protocol: string;
  auto_negotiation: boolean;
  link_detected: boolean;
  link_duplex?: string;
  /** Mbit/s */
  link_speed?: number;
}

/** A network card. */
export interface NetworkCard extends Partial<BusDevice> {
  ports: NetworkPort[];
  numa_node: number;
  pci_address?: string;
}

/** A graphics card. */
export interface GpuCard extends BusDevice {
  drm: {
    id: number;
    card_name: string;
    card_device: string;
    control_name?: string;
    control_device?: string;
    render_name?: string;
    render_device?: string;
  };
  numa_node: number;
  pci_address?: string;
}

/** A device on the PCI bus. */
export interface PciDevice extends BusDevice {
  pci_address: string;
  iommu_group: number;
  numa_node: number;
}

/** A device on a USB bus. */
export interface UsbDevice {
  bus_address: number;
  device_address: number;
  interfaces: {
    number: number;
    class: string;
    class_id: number;
    subclass: string;
    subclass_id: number;
    driver: string;
    driver_version: string;
  }[];
  vendor: string;
  vendor_id: string;
  product: string;
  product_id: string;
  serial: string;
  /** Mbit/s */
  speed: number;
}

/** What the firmware says of the machine. */
export interface SystemResources {
  uuid: string;
  vendor: string;
  product: string;
  family: string;
  version: string;
  sku: string;
  serial: string;
  type: "physical" | "virtual-machine";
  firmware: { vendor: string; date: string; version: string };
  chassis: { vendor: string; type: string; serial: string; version: string };
  motherboard: { vendor: string; product: string; serial: string; version: string };
}

/** The hardware of the host. */
export interface Resources {
  cpu: { architecture: string; sockets: CpuSocket[]; total: number };
  memory: {
    nodes: MemoryNode[];
    hugepages_total: number;
    hugepages_used: number;
    hugepages_size: number;
    used: number;
    total: number;
  };
  gpu: { cards: GpuCard[]; total: number };
  network: { cards: NetworkCard[]; total: number };
  storage: { disks: Disk[]; total: number };
  usb: { devices: UsbDevice[]; total: number };
  pci: { devices: PciDevice[]; total: number };
  system: SystemResources;
}
