/**
 * What clients of the chat may send, checked: unknown values in, plain typed ones or undefined out. Pure; it runs in a
 * worker, and knows neither sockets nor what is done with a message.
 */

/** The address that means everybody, in the contract's events; so it names no room. */
export const EVERYBODY = "0";

const MAX_ROOM_LENGTH = 200;
const MAX_NAME_LENGTH = 200;

export interface Message {
  readonly sender: string | null;
  readonly text_message: string | null;
  /** The one room that is meant; without it, everybody. */
  readonly to?: string;
}

export interface Greeting {
  readonly name: string | null;
  readonly to: string;
}

export interface Membership {
  readonly to: string;
  /** Who gives a name wants the room's other members to hear of it. */
  readonly name?: string;
}

/** `send-message` { username, text_message, to? } */
export function parseMessage(payload: unknown): Message | undefined {
  if (!isRecord(payload)) return undefined;
  const { username, text_message, to } = payload;
  if (!isOptionalText(username) || !isOptionalText(text_message)) return undefined;
  const message = { sender: username?.toUpperCase() ?? null, text_message: text_message ?? null };
  if (to === undefined || to === null || to === EVERYBODY) return message;
  return isRoom(to) ? { ...message, to } : undefined;
}

/** `say` { name, to }, where `to` may be everybody. */
export function parseGreeting(payload: unknown): Greeting | undefined {
  if (!isRecord(payload)) return undefined;
  const { name, to } = payload;
  if (!isOptionalText(name) || (to !== EVERYBODY && !isRoom(to))) return undefined;
  return { name: name ?? null, to };
}

/** `join` and `leave` { to, name? } */
export function parseMembership(payload: unknown): Membership | undefined {
  if (!isRecord(payload)) return undefined;
  const { to, name } = payload;
  if (!isRoom(to)) return undefined;
  return typeof name === "string" && name !== "" && name.length <= MAX_NAME_LENGTH ? { to, name } : { to };
}

function isRoom(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value !== EVERYBODY && value.length <= MAX_ROOM_LENGTH;
}

function isOptionalText(value: unknown): value is string | null | undefined {
  return value === undefined || value === null || typeof value === "string";
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}
