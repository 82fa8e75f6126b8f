/** Between `--cors-origin` and the `cors` option of Socket.IO, each said in the other's words. Pure. */
import type { ServerOptions } from "socket.io";
import { ANY_ORIGIN, type Origins } from "../protocol/cross-origin.js";

export type CorsOption = NonNullable<ServerOptions["cors"]>;

/** The origins of the settings; whatever else the app says (methods, headers, credentials) stays. */
export function corsFor(origins: Origins, own: CorsOption | undefined): CorsOption {
  const rest = typeof own === "object" ? own : {};
  // A browser takes no credentials together with `*`.
  if (origins.includes(ANY_ORIGIN)) return { ...rest, origin: ANY_ORIGIN };
  return { credentials: true, ...rest, origin: [...origins] };
}

/** Those that an app lets in, as far as they can be listed; whatever it decides by a pattern or a function cannot. */
export function originsOf(own: CorsOption | undefined): Origins {
  if (own === undefined || typeof own === "function") return [];
  // The cors package lets all in where none is named.
  const { origin = ANY_ORIGIN } = own;
  if (origin === true) return [ANY_ORIGIN];
  return [origin].flat().filter((each) => typeof each === "string");
}
