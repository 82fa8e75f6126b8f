/** The cases in the order in which they run and stand in the report. */
import { broadcast, broadcastAlone } from "./broadcast.js";
import type { Case } from "./case.js";
import { chat } from "./chat.js";
import { connection } from "./connection.js";
import { delivery } from "./delivery.js";
import { forward, hostsForward } from "./forward.js";
import { hostsBroadcast, hostsLatencyMiddle, hostsLatencyTail, hostsRedis } from "./hosts.js";
import { http } from "./http.js";
import { memory } from "./memory.js";
import { recoveryDelivery, recoveryDirect } from "./recovery.js";
import { room, roomAlone, roomWithin } from "./room.js";

export const cases: readonly Case[] = [
  broadcast,
  broadcastAlone,
  room,
  roomAlone,
  roomWithin,
  connection,
  delivery,
  recoveryDelivery,
  recoveryDirect,
  http,
  memory,
  forward,
  hostsBroadcast,
  hostsRedis,
  hostsLatencyMiddle,
  hostsLatencyTail,
  hostsForward,
  chat,
];
