// Status names and codes of operations and instances, as LXD numbers them (doc/rest-api.md, "Status codes").

/** The number of each status. */
export const statusCodes = {
  "Operation created": 100,
  Started: 101,
  Stopped: 102,
  Running: 103,
  Cancelling: 104,
  Pending: 105,
  Starting: 106,
  Stopping: 107,
  Aborting: 108,
  Freezing: 109,
  Frozen: 110,
  Thawed: 111,
  Error: 112,
  Ready: 113,
  Success: 200,
  Failure: 400,
  Cancelled: 401,
} as const;

/** The name of a status, of operations or of instances. */
export type StatusName = keyof typeof statusCodes;
/** What an instance is doing. */
export type InstanceStatus = "Stopped" | "Running" | "Ready" | "Frozen" | "Error" | "Starting" | "Stopping";
/** How far an operation has come. */
export type OperationStatus = "Pending" | "Running" | "Cancelling" | "Success" | "Failure" | "Cancelled";
