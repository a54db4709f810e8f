// What drey needs from a host, as `drey doctor` shows it. LXD has no such route: it lives below /internal.

/** `missing`: instances cannot run as they should; `warning`: something less can be had */
export type PrerequisiteStatus = "ok" | "warning" | "missing";

export interface Prerequisite {
  name: string;
  /** what drey does with it */
  purpose: string;
  status: PrerequisiteStatus;
  /** what is there now */
  found: string;
  /** commands or settings that mend it; empty if all is well */
  fix: string;
}

export interface DoctorFixed {
  /** Debian packages that were installed */
  installed: string[];
}
