/** How a host stands before its port in URLs, settings and messages: RFC 3986 puts an IPv6 address into brackets. Pure. */

export interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

export function formatHostAndPort({ host, port }: HostAndPort): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
