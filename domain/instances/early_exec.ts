// What takes long before a command runs in an instance, begun while the rest of drey still loads.

export { beginWalker as beginExec, endEarlyWalker as endEarlyExec } from "../../runtime/early_walker.ts";
