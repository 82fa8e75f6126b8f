import type { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { expect, test } from "vitest";
import { describePeer, peerOf } from "../../../src/protocol/peer.js";
import { adoptClientAddress, CLIENT_ADDRESS_HEADER, describeClient } from "../../../src/worker/client-address.js";

test.each([
  { remoteAddress: "127.0.0.1", remotePort: 5, remoteFamily: "IPv4" },
  { remoteAddress: "::ffff:10.0.0.1", remotePort: 65_535, remoteFamily: "IPv6" },
  { remoteAddress: "fe80::1%eth0", remotePort: 1, remoteFamily: "IPv6" },
  { remoteAddress: undefined, remotePort: undefined, remoteFamily: undefined },
])("%j arrives as it was, on a connection that had another before", (client) => {
  const socket = new Socket();
  adoptClientAddress(forwarded(socket, "9.9.9.9 9 IPv4"));
  const request = forwarded(socket, describePeer(peerOf(client)));
  adoptClientAddress(request);
  const { remoteAddress, remotePort, remoteFamily } = request.socket;
  expect({ remoteAddress, remotePort, remoteFamily }).toEqual(client);
});

test("whether the client speaks TLS arrives too, on a connection that had another before", () => {
  const socket = new Socket();
  const client = { remoteAddress: "127.0.0.1", remotePort: 5, remoteFamily: "IPv4" };
  const secured = () => (socket as { encrypted?: boolean }).encrypted;
  adoptClientAddress(forwarded(socket, describeClient({ ...client, encrypted: true })));
  expect([secured(), socket.remoteFamily]).toEqual([true, "IPv4"]);
  adoptClientAddress(forwarded(socket, describeClient(client)));
  expect(secured()).toBeUndefined();
  adoptClientAddress(forwarded(socket, describeClient({ encrypted: true } as never)));
  expect([secured(), socket.remoteAddress]).toEqual([true, undefined]);
});

test("the header is gone, and nothing else", () => {
  const request = forwarded(new Socket(), "1.1.1.1 1 IPv4");
  adoptClientAddress(request);
  expect(request.headers).toEqual({ host: "a" });
  expect(request.rawHeaders).toEqual(["Host", "a", "X", "y"]);
});

test.each([undefined, "1.1.1.1", "1.1.1.1 1", "1.1.1.1 x IPv4", "1.1.1.1 1 IPv4, 2.2.2.2 2 IPv4"])(
  "%j is refused, so that no earlier client's address stands for it",
  (client) => {
    const socket = new Socket();
    expect(adoptClientAddress(forwarded(socket, "9.9.9.9 9 IPv4"))).toBe(true);
    const headers = client === undefined ? {} : { [CLIENT_ADDRESS_HEADER]: client };
    expect(adoptClientAddress({ headers, rawHeaders: [], socket } as unknown as IncomingMessage)).toBe(false);
  },
);

function forwarded(socket: Socket, client: string): IncomingMessage {
  const rawHeaders = ["Host", "a", "X-Holdfast-Client", client, "X", "y"];
  return { headers: { host: "a", [CLIENT_ADDRESS_HEADER]: client }, rawHeaders, socket } as unknown as IncomingMessage;
}
