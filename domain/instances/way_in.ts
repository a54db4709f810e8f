// A way into a container that is begun before anything is known of it, for a command that will want one.

export { beginAttach as beginWayIn, endEarlyAttach as endEarlyWayIn } from "../../runtime/attach.ts";
