/**
 * The field that Holdfast hosts add to each message for each other. It is binary, so a plain server reads it as one value
 * that it does not look at, and it is the last, so that a signature at its end covers the message:
 *
 *     u8 version | u8 bits | u8 length, uid | u48 sequence
 *     | u48 number                                                                       with the bit `NUMBERED`
 *     | u48 after                                                                        with the bit `AFTER`
 *     | u32 timeoutMs | u32 answered | u32 lost | u32 count, (u32 length, payload)…      with the bit `REPORT`
 *     | 32 bytes of signature                                                            with the bit `SIGNED`
 */
import type { HostPart, HostPartToWrite } from "./message.js";
import { Refusal, refuse } from "./refusal.js";
import type { Place } from "./sequence.js";
import { SIGNATURE_BYTES } from "./signature.js";

/** Rises when hosts of this version could no longer understand each other. */
const WIRE_VERSION = 3;
export const HOST_FIELD = "holdfast";

const FRESH = 1;
const LAST = 2;
const REPORT = 4;
const SIGNED = 8;
const NUMBERED = 16;
const AFTER = 32;
const HEAD_BYTES = 3;
const SEQUENCE_BYTES = 6;
/** No host has more workers. */
const MAX_PAYLOADS = 4096;

export interface SignedHostPart extends Omit<HostPart, "gap">, Place {
  readonly signed: boolean;
}

/** The field; a signature is still to be filled in. */
export function writeHostPart(uid: string, place: Place, part: HostPartToWrite, signed: boolean): Buffer {
  const { timeoutMs = 0, answered = 0, lost = 0, payloads = NO_PAYLOADS, number = 0 } = part;
  const reports = timeoutMs > 0 || answered > 0 || lost > 0 || payloads.length > 0;
  const uidBytes = Buffer.byteLength(uid);
  const reportBytes = reports ? REPORT_BYTES + payloads.reduce((sum, { length }) => sum + 4 + length, 0) : 0;
  const signatureBytes = signed ? SIGNATURE_BYTES : 0;
  const { after } = place;
  const numbers = [...(number > 0 ? [number] : []), ...(after === undefined ? [] : [after])];
  const numberBytes = SEQUENCE_BYTES * (1 + numbers.length);
  const field = Buffer.allocUnsafe(HEAD_BYTES + uidBytes + numberBytes + reportBytes + signatureBytes);
  field[0] = WIRE_VERSION;
  field[1] = bitsOf(place, part, reports, signed);
  field[2] = uidBytes;
  field.write(uid, HEAD_BYTES);
  let at = field.writeUIntBE(place.sequence, HEAD_BYTES + uidBytes, SEQUENCE_BYTES);
  for (const each of numbers) at = field.writeUIntBE(each, at, SEQUENCE_BYTES);
  if (reports) writeReport(field, at, [timeoutMs, answered, lost, payloads.length], payloads);
  return field;
}

function bitsOf(
  { fresh, after }: Place,
  { last, number = 0 }: HostPartToWrite,
  reports: boolean,
  signed: boolean,
): number {
  const numbered = (number > 0 ? NUMBERED : 0) | (after === undefined ? 0 : AFTER);
  return (fresh ? FRESH : 0) | (last ? LAST : 0) | (reports ? REPORT : 0) | (signed ? SIGNED : 0) | numbered;
}

/** Of the four numbers of a report. */
const REPORT_BYTES = 16;
const NO_PAYLOADS: readonly Buffer[] = [];

function writeReport(field: Buffer, from: number, numbers: readonly number[], payloads: readonly Buffer[]): void {
  let at = from;
  for (const number of numbers) at = field.writeUInt32BE(Math.min(Math.ceil(number), 0xffff_ffff), at);
  for (const payload of payloads) {
    at = field.writeUInt32BE(payload.length, at);
    field.set(payload, at);
    at += payload.length;
  }
}

/** Throws Refusal on what is not whole, and on another version. */
export function readHostPart(field: Buffer): SignedHostPart {
  const read = new PartReader(field);
  const version = read.number(1);
  if (version !== WIRE_VERSION) throw new Refusal("other-version", version);
  const bits = read.number(1);
  const uid = read.bytes(read.number(1)).toString("utf8");
  const sequence = read.number(SEQUENCE_BYTES);
  const number = bits & NUMBERED ? read.number(SEQUENCE_BYTES) : 0;
  const after = bits & AFTER ? read.number(SEQUENCE_BYTES) : undefined;
  const { timeoutMs, answered, lost, payloads } = bits & REPORT ? readReport(read) : NO_REPORT;
  const part = {
    uid,
    sequence,
    number,
    after,
    fresh: (bits & FRESH) !== 0,
    last: (bits & LAST) !== 0,
    signed: (bits & SIGNED) !== 0,
    timeoutMs,
    answered,
    lost,
    payloads,
  };
  return read.left === (part.signed ? SIGNATURE_BYTES : 0) ? part : refuse("wrong-shape");
}

type Report = Pick<HostPart, "timeoutMs" | "answered" | "lost" | "payloads">;

const NO_REPORT: Report = { timeoutMs: 0, answered: 0, lost: 0, payloads: [] };

function readReport(read: PartReader): Report {
  const numbers = { timeoutMs: read.number(4), answered: read.number(4), lost: read.number(4) };
  const count = read.number(4);
  if (count > MAX_PAYLOADS) refuse("wrong-shape");
  const payloads: Buffer[] = [];
  for (let i = 0; i < count; i++) payloads.push(read.bytes(read.number(4)));
  return { ...numbers, payloads };
}

class PartReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  number(bytes: number): number {
    return this.#bytes.readUIntBE(this.#skip(bytes), bytes);
  }

  bytes(length: number): Buffer {
    const from = this.#skip(length);
    return this.#bytes.subarray(from, this.#at);
  }

  /** Where what is skipped begins. */
  #skip(bytes: number): number {
    const from = this.#at;
    this.#at += bytes;
    return this.#at > this.#bytes.length ? refuse("wrong-shape") : from;
  }
}
