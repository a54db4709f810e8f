// What drey's console log has beyond LXD's.

/** The header of a log that is sent on as it grows, `?follow=true`, until the instance has stopped. */
export const followed = "x-drey-follow";
