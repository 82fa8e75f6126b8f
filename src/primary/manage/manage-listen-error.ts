/** The management server cannot have its address. In the primary; it ends a start only when the address was explicit. */
import { formatHostAndPort, type HostAndPort } from "../../protocol/host-and-port.js";

export class ManageListenError extends Error {
  override readonly name = "ManageListenError";
  readonly code = "HOLDFAST_MANAGE_LISTEN";
  readonly exitCode = 5;

  constructor(where: HostAndPort, cause: unknown) {
    super(`cannot listen on ${formatHostAndPort(where)} (${reason(cause)}); set --manage HOST:PORT, or --manage off`, {
      cause,
    });
  }
}

function reason(cause: unknown): string {
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code === "EADDRINUSE") return "another process has it";
  if (code === "EADDRNOTAVAIL") return "no interface of this host has this address";
  if (code === "EACCES") return "not permitted";
  return message;
}
