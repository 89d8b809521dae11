import { assertRejects } from "@std/assert";
import { Server } from "node:tls";
import { listenTcp } from "../../net/tcp_listener.ts";
import { testCertificate } from "../support/certificate.ts";

Deno.test("a runtime whose TLS server can't do what is needed is told as such", async () => {
  // As in Deno 2.7, whose runtime a binary may have.
  const setSecureContext = Object.getOwnPropertyDescriptor(Server.prototype, "setSecureContext");
  Reflect.deleteProperty(Server.prototype, "setSecureContext");
  try {
    const options = { host: "127.0.0.1", port: 0, tls: testCertificate(), handshakeMs: 1000, onArrival() {} };
    await assertRejects(() => listenTcp(options), Error, "TLS needs Deno 2.9");
  } finally {
    if (setSecureContext !== undefined) {
      Object.defineProperty(Server.prototype, "setSecureContext", setSecureContext);
    }
  }
});
