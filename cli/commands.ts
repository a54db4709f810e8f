// The table of commands: every one drey has, with its arguments, flags, summary and examples. A file per noun
// holds the rows; the code of a command is loaded when it is run.

import type { Command, Group } from "./command.ts";
import * as aliases from "./table/aliases.ts";
import * as backups from "./table/backups.ts";
import * as config from "./table/config.ts";
import * as files from "./table/files.ts";
import * as host from "./table/host.ts";
import * as images from "./table/images.ts";
import * as instances from "./table/instances.ts";
import * as metadata from "./table/metadata.ts";
import * as operations from "./table/operations.ts";
import * as profiles from "./table/profiles.ts";
import * as projects from "./table/projects.ts";
import * as remotes from "./table/remotes.ts";
import * as snapshots from "./table/snapshots.ts";
import * as networkAcls from "./table/network_acls.ts";
import * as networkZones from "./table/network_zones.ts";
import * as networkForwards from "./table/network_forwards.ts";
import * as networks from "./table/networks.ts";
import * as storage from "./table/storage.ts";
import * as trust from "./table/trust.ts";
import * as uefi from "./table/uefi_variables.ts";
import * as warnings from "./table/warnings.ts";
import * as volumes from "./table/volumes.ts";

export const groups: readonly Group[] = [
  ...files.groups,
  ...config.groups,
  ...trust.groups,
  ...metadata.groups,
  ...uefi.groups,
  ...images.groups,
  ...profiles.groups,
  ...projects.groups,
  ...networks.groups,
  ...networkAcls.groups,
  ...networkZones.groups,
  ...networkForwards.groups,
  ...storage.groups,
  ...volumes.groups,
  ...operations.groups,
  ...warnings.groups,
  ...remotes.groups,
  ...aliases.groups,
];

export const commands: readonly Command[] = [
  ...instances.commands,
  ...snapshots.commands,
  ...backups.commands,
  ...files.commands,
  ...metadata.commands,
  ...uefi.commands,
  ...config.commands,
  ...trust.commands,
  ...images.commands,
  ...profiles.commands,
  ...projects.commands,
  ...networks.commands,
  ...networkAcls.commands,
  ...networkZones.commands,
  ...networkForwards.commands,
  ...storage.commands,
  ...volumes.commands,
  ...operations.commands,
  ...warnings.commands,
  ...remotes.commands,
  ...aliases.commands,
  ...host.commands,
];
