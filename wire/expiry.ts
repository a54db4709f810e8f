// When a thing ends by itself, as clients are told.

const never = "0001-01-01T00:00:00Z";

/**
 * A time of expiry as LXD words it: without a fraction of a second where there is none, for clients compare it with what
 * they have sent.
 *
 * @param time in ISO 8601, empty for never
 */
export const shownExpiry = (time: string): string => time === "" ? never : time.replace(".000Z", "Z");
