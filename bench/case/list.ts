/** The cases in the order in which they run and stand in the report. */
import { broadcast, broadcastAlone } from "./broadcast.js";
import type { Case } from "./case.js";
import { chat } from "./chat.js";
import { connection } from "./connection.js";
import { delivery } from "./delivery.js";
import { forward, hostsForward } from "./forward.js";
import { hostsBroadcast, hostsLatencyMiddle, hostsLatencyTail, hostsRedis } from "./hosts.js";
import { http } from "./http.js";
import { jitter } from "./jitter.js";
import { limit } from "./limit.js";
import { memory } from "./memory.js";
import { recoveryDelivery, recoveryDirect, recoveryLatency } from "./recovery.js";
import { room, roomAlone, roomWithin } from "./room.js";
import { tlsConnection, tlsMessage, tlsRequest } from "./tls.js";

export const cases: readonly Case[] = [
  broadcast,
  broadcastAlone,
  room,
  roomAlone,
  roomWithin,
  connection,
  limit,
  delivery,
  recoveryDelivery,
  recoveryDirect,
  recoveryLatency,
  jitter,
  http,
  tlsRequest,
  tlsMessage,
  tlsConnection,
  memory,
  forward,
  hostsBroadcast,
  hostsRedis,
  hostsLatencyMiddle,
  hostsLatencyTail,
  hostsForward,
  chat,
];
