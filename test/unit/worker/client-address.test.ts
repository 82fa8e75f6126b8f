import type { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { expect, test } from "vitest";
import { adoptClientAddress, CLIENT_ADDRESS_HEADER, describeClient } from "../../../src/worker/client-address.js";

test.each([
  { remoteAddress: "127.0.0.1", remotePort: 5, remoteFamily: "IPv4" },
  { remoteAddress: "::ffff:10.0.0.1", remotePort: 65_535, remoteFamily: "IPv6" },
  { remoteAddress: "fe80::1%eth0", remotePort: 1, remoteFamily: "IPv6" },
  { remoteAddress: undefined, remotePort: undefined, remoteFamily: undefined },
])("%j arrives as it was, on a connection that had another before", (client) => {
  const socket = new Socket();
  adoptClientAddress(forwarded(socket, "9.9.9.9 9 IPv4"));
  const request = forwarded(socket, describeClient(client));
  adoptClientAddress(request);
  const { remoteAddress, remotePort, remoteFamily } = request.socket;
  expect({ remoteAddress, remotePort, remoteFamily }).toEqual(client);
});

test("the header is gone, and nothing else", () => {
  const request = forwarded(new Socket(), "1.1.1.1 1 IPv4");
  adoptClientAddress(request);
  expect(request.headers).toEqual({ host: "a" });
  expect(request.rawHeaders).toEqual(["Host", "a", "X", "y"]);
});

test("a request without it is left as it is", () => {
  const request = { headers: { host: "a" }, rawHeaders: ["Host", "a"], socket: new Socket() };
  adoptClientAddress(request as unknown as IncomingMessage);
  expect(request.rawHeaders).toEqual(["Host", "a"]);
  expect(request.socket.remoteAddress).toBeUndefined();
});

function forwarded(socket: Socket, client: string): IncomingMessage {
  const rawHeaders = ["Host", "a", "X-Holdfast-Client", client, "X", "y"];
  return { headers: { host: "a", [CLIENT_ADDRESS_HEADER]: client }, rawHeaders, socket } as unknown as IncomingMessage;
}
