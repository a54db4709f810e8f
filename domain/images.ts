// Images: what is here, what remotes can give, and the unpacked layers instances stand on. A file per matter lies in
// images/; whatever is slow to load is loaded when it is needed.

export {
  createAlias,
  deleteAlias,
  getAlias,
  listAliases,
  renameAlias,
  updateAlias,
} from "./images/aliases.ts";
export { deleteImage, patchImage, updateImage } from "./images/change.ts";
export { diskSuffix, ensureUnpacked, lowerPath, releaseIsolated, releaseLower } from "./images/lower.ts";
export { getImage, listImages } from "./images/records.ts";
export { isLocal, localImage, type NamedImage, resolveImage } from "./images/resolve.ts";
export type { ImageWish } from "./images/create.ts";
export type { ImagePart } from "./images/receive.ts";
export { sweepImages } from "./images/sweep.ts";
