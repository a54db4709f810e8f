// Names of the keys that LXD, and drey, remember things by: `volatile.*`. Clients send back what they were shown; a name
// that is none is a slip of theirs.

/** of an instance as a whole */
const ofInstance = [
  ...["apply_nvram", "apply_template", "attached_volumes", "autorestart", "base_image", "bus.mode"],
  ...["cloud-init.instance-id", "cluster.group", "evacuate.origin"],
  ...["idmap.base", "idmap.current", "idmap.next"],
  ...["last_state.exit_code", "last_state.idmap", "last_state.power", "last_state.ready"],
  ...["uuid", "uuid.generation", "vsock_id"],
];

/** of one of its devices, behind the device's name */
const ofDevice = [
  ...[
    "apply_quota",
    "bus",
    "ceph_rbd",
    "devlxd.owner",
    "driver",
    "host_name",
    "hwaddr",
    "id",
    "ip_addresses",
  ],
  ...["ipv4.address", "ipv6.address", "mtu", "name", "spoofcheck", "uuid", "vgpu.uuid", "vlan"],
];

const isOfDevice = new RegExp(
  `^volatile\\..+\\.(last_state\\..+|${ofDevice.map((name) => name.replaceAll(".", "\\.")).join("|")})$`,
);

/** Whether LXD or drey has a key of this name. */
export const isVolatileKey = (name: string): boolean =>
  ofInstance.some((own) => name === `volatile.${own}`) || isOfDevice.test(name);
