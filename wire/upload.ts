// Files of whoever asks, where the API is in the same process and need not have them sent.

/** A file that is part of an upload. */
export interface UploadFile {
  /** name of the part of multipart/form-data */
  part: string;
  /** its name, as the server is told */
  filename: string;
  /** where it is */
  path: string;
}
