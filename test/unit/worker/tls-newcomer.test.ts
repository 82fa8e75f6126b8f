import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import { announceNewcomers } from "../../../src/worker/tls-newcomer.js";

test("a session opened by polling brings more connections until it has its WebSocket", () => {
  const { told, open } = setUp();
  const session = open("polling");
  expect(told).toEqual(["::1 true"]);
  session.emit("upgrade");
  session.emit("close");
  expect(told).toEqual(["::1 true", "::1 false"]);
});

test("or until it has ended", () => {
  const { told, open } = setUp();
  open("polling").emit("close");
  expect(told).toEqual(["::1 true", "::1 false"]);
});

test("a session opened by WebSocket, or of a client that is gone, brings none", () => {
  const { told, open } = setUp();
  open("websocket").emit("close");
  open("polling", undefined).emit("close");
  expect(told).toEqual([]);
});

function setUp() {
  const engine = new EventEmitter();
  const told: string[] = [];
  announceNewcomers(engine, (address, more) => told.push(`${address} ${more}`));
  const open = (name: string, ...[remoteAddress]: [string?]) => {
    const socket = { remoteAddress };
    const session = Object.assign(new EventEmitter(), { request: { socket }, transport: { name } });
    engine.emit("connection", session);
    return session;
  };
  return { told, open: (name: string, ...address: [undefined?]) => open(name, address.length ? undefined : "::1") };
}
