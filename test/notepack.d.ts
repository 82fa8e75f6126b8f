declare module "notepack.io" {
  export function encode(value: unknown): Buffer;
  // biome-ignore lint/suspicious/noExplicitAny: a test knows what it has encoded
  export function decode(bytes: Buffer): any;
}
