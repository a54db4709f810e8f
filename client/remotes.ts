// The servers a name before a colon may mean, `debian:12`. All of them are built in so far.

export interface Remote {
  name: string;
  address: string;
  protocol: "lxd" | "simplestreams" | "debian" | "oci";
  /** whether it only offers images */
  isImageServer: boolean;
  /** whether drey speaks its protocol already */
  isSupported: boolean;
  about: string;
}

const images = (name: string, protocol: Remote["protocol"], address: string, about: string): Remote => ({
  name,
  address,
  protocol,
  isImageServer: true,
  isSupported: true,
  about,
});

/** Every known remote, the default one first. */
export const remotes: readonly Remote[] = [
  {
    name: "local",
    address: "unix://",
    protocol: "lxd",
    isImageServer: false,
    isSupported: true,
    about: "The drey of this user on this machine",
  },
  images("debian", "debian", "mirror://", "Debian and Ubuntu suites, built here from the host's mirror"),
  images("images", "simplestreams", "https://images.lxd.canonical.com", "Images of many distributions"),
  images("ubuntu", "simplestreams", "https://cloud-images.ubuntu.com/releases", "Ubuntu releases"),
  images("ubuntu-daily", "simplestreams", "https://cloud-images.ubuntu.com/daily", "Ubuntu daily builds"),
  images(
    "ubuntu-minimal",
    "simplestreams",
    "https://cloud-images.ubuntu.com/minimal/releases",
    "Small Ubuntu releases",
  ),
  images("docker", "oci", "https://docker.io", "Application images of Docker Hub"),
  images("ghcr", "oci", "https://ghcr.io", "Application images of GitHub's registry"),
];

export const defaultRemote = "local";
