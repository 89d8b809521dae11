/**
 * A bare binary WebSocket echo of frames as an upload sends them: `deno run -A bench/echo.ts serve`, and
 * `deno run -A bench/echo.ts send PORT BYTES`, which prints the seconds it took. Neither looks at the bytes.
 */

import { printResult } from "../terminal/output.ts";

const FRAME_BYTES = 1024 * 1024 + 24;
const WINDOW_BYTES = 4 * 1024 * 1024;

function serve(): void {
  Deno.serve({
    port: 0,
    hostname: "127.0.0.1",
    onListen: ({ port }) => printResult(String(port)),
  }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => socket.send(data);
    return response;
  });
}

function send(port: string, bytes: number): void {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`);
  socket.binaryType = "arraybuffer";
  const frame = new Uint8Array(FRAME_BYTES);
  let sent = 0;
  let echoed = 0;
  const startedMs = performance.now();
  const pump = () => {
    for (; sent < bytes && sent - echoed < WINDOW_BYTES; sent += frame.length) socket.send(frame);
  };
  socket.onopen = pump;
  socket.onmessage = ({ data }) => {
    echoed += data.byteLength;
    if (echoed < bytes) return pump();
    printResult(String((performance.now() - startedMs) / 1000));
    socket.close();
  };
}

const [mode, port = "", bytes = ""] = Deno.args;
if (mode === "serve") serve();
else send(port, Number(bytes));
