// Files of whoever asks, where the API is in the same process and need not have them sent.

/** A file that is part of an upload. */
export interface UploadFile {
  part: string;
  filename: string;
  path: string;
}
