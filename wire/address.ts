// Addresses of resources, as answers and events name them.

/** An address with its project, where that is not the default one. */
export const inProject = (address: string, project: string): string =>
  project === "" || project === "default" ? address : `${address}?project=${encodeURIComponent(project)}`;
