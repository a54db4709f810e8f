export type ParseOptions = {
  schema?: "failsafe" | "json" | "core" | "default" | "extended";
  allowDuplicateKeys?: boolean;
  onWarning?(error: Error): void;
};
export type StringifyOptions = {
  indent?: number;
  arrayIndent?: boolean;
  skipInvalid?: boolean;
  flowLevel?: number;
  sortKeys?: boolean | ((a: string, b: string) => number);
  lineWidth?: number;
  useAnchors?: boolean;
  compatMode?: boolean;
  condenseFlow?: boolean;
};
export function parse(content: string, options?: ParseOptions): unknown;
export function stringify(data: unknown, options?: StringifyOptions): string;
