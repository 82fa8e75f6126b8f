/** The first bytes of a connection, read until it is known where it belongs: HTTP's request line, or TLS's hello. */

/** Of a TLS port only: `plain` is HTTP without TLS, `alien` is neither. */
export type Progress = "more" | "complete" | "malformed" | "plain" | "alien";

export interface Opening {
  /** The request target once it is complete; empty where it cannot be seen. */
  readonly target: string;
  /** Whether what has come so far looks like HTTP, so that an answer in HTTP would be understood. */
  readonly isHttp: boolean;
  /** Takes all bytes so far, at least one. Not called again once it has said anything but "more". */
  read(bytes: Buffer): Progress;
}
