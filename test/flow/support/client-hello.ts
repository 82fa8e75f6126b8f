/** The first bytes of a TLS client, to be sent as nobody sends them. */
import { Duplex } from "node:stream";
import { connect } from "node:tls";

/** One record with a whole ClientHello in it. */
export function clientHello(): Promise<Buffer> {
  return new Promise((resolve) => {
    const socket = new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        resolve(chunk);
        done();
      },
    });
    connect({ socket, servername: "localhost" }).on("error", () => {});
  });
}
