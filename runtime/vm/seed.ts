// What a virtual machine with a disk of its own is told by a drive: cloud-init's NoCloud, a file system with the label
// `cidata`. The system's own image says the rest. Pure.

export interface SeedFacts {
  instanceId: string;
  hostname: string;
  userData?: string;
  vendorData?: string;
  networkConfig?: string;
  /** program of our agent, for a guest that has none */
  agent: string;
}

/** The drive's name in its machine. */
export const seedDrive = "seed";

/** Its serial number. */
export const seedSerial = "drey_seed";

/** Label of the drive, by which cloud-init finds it. */
export const seedLabel = "cidata";

/** Files of the drive by name. */
export function seedFiles(facts: SeedFacts): Record<string, string> {
  const { instanceId, hostname, userData, vendorData, networkConfig, agent } = facts;
  return {
    "meta-data": JSON.stringify({ "instance-id": instanceId, "local-hostname": hostname }) + "\n",
    "user-data": userData ?? "#cloud-config\n{}\n",
    "vendor-data": withAgent(vendorData, agent),
    ...(networkConfig === undefined ? {} : { "network-config": networkConfig }),
  };
}

const boundary = "drey-part";
const end = "DREY-AGENT-ENDS";

/** A hook of cloud-init, which runs at each boot before anything else of it, and takes nobody's settings away. */
const hook = (agent: string) =>
  `#cloud-boothook
#!/bin/sh
[ -e /dev/virtio-ports/org.linuxcontainers.lxd ] || exit 0
[ -x /usr/bin/perl ] || exit 0
systemctl is-active --quiet lxd-agent.service 2>/dev/null && exit 0
mkdir -p -m 700 /run/drey
cat >/run/drey/agent <<'${end}'
${agent}${end}
chmod 700 /run/drey/agent
if [ -d /run/systemd/system ]; then
  systemctl is-active --quiet drey-agent.service && exit 0
  systemd-run --quiet --no-block --unit=drey-agent --property=Restart=always /usr/bin/perl /run/drey/agent
else
  setsid /usr/bin/perl /run/drey/agent </dev/null >/dev/null 2>&1 &
fi
`;

function withAgent(vendorData: string | undefined, agent: string): string {
  if (vendorData === undefined) return hook(agent);
  const part = (type: string, text: string) =>
    `--${boundary}\nContent-Type: ${type}; charset="utf-8"\n\n${text.endsWith("\n") ? text : `${text}\n`}`;
  return `Content-Type: multipart/mixed; boundary="${boundary}"\nMIME-Version: 1.0\n\n` +
    part("text/cloud-boothook", hook(agent)) + part(typeOf(vendorData), vendorData) + `--${boundary}--\n`;
}

/** How cloud-init tells its inputs apart: by their first line. */
function typeOf(text: string): string {
  if (text.startsWith("#!")) return "text/x-shellscript";
  if (text.startsWith("#include")) return "text/x-include-url";
  if (text.startsWith("#cloud-boothook")) return "text/cloud-boothook";
  return "text/cloud-config";
}
