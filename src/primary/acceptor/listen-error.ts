/** The acceptor cannot have its address. In the primary; it ends a start with exit code 5. */

export class ListenError extends Error {
  override readonly name = "ListenError";
  /** The system's own: EADDRINUSE, EACCES, EADDRNOTAVAIL, … */
  readonly code: string;
  readonly exitCode = 5;

  /** `detail` says more than the code does: who holds the address, what to do. */
  constructor(code: string, address: string, detail: string | undefined, cause: unknown) {
    super(`${code} ${address}${detail ? ` (${detail})` : ""}`, { cause });
    this.code = code;
  }
}
