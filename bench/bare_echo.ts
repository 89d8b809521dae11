/**
 * A bare binary WebSocket echo of frames as an upload sends them: `bare_echo.ts ADDRESS PORT serve`, and
 * `bare_echo.ts ADDRESS PORT send BYTES`, which ends when all came back. Neither looks at the bytes.
 */

const FRAME_BYTES = 1024 * 1024 + 24;
const WINDOW_BYTES = 4 * 1024 * 1024;

function serve(hostname: string, port: number): void {
  Deno.serve({ port, hostname, onListen: () => {} }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => socket.send(data);
    return response;
  });
}

function send(hostname: string, port: number, bytes: number): void {
  const socket = new WebSocket(`ws://${hostname}:${port}`);
  socket.binaryType = "arraybuffer";
  const frame = new Uint8Array(FRAME_BYTES);
  let sent = 0;
  let echoed = 0;
  const pump = () => {
    for (; sent < bytes && sent - echoed < WINDOW_BYTES; sent += frame.length) socket.send(frame);
  };
  socket.onopen = pump;
  socket.onmessage = ({ data }) => {
    echoed += data.byteLength;
    if (echoed < bytes) pump();
    else socket.close();
  };
  socket.onclose = () => Deno.exit(echoed < bytes ? 1 : 0);
}

const [hostname = "", port = "", mode, bytes = ""] = Deno.args;
if (mode === "serve") serve(hostname, Number(port));
else send(hostname, Number(port), Number(bytes));
