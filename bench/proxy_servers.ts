/** The processes that `bench/compare_proxy.ts` measures, each on a free port of loopback. */

import { dirname, fromFileUrl, join } from "@std/path";
import { startTransfer } from "../tests/support/program.ts";

const ROOT = dirname(dirname(fromFileUrl(import.meta.url)));

/** A server as a process. */
export interface Server extends AsyncDisposable {
  readonly name: string;
  readonly port: number;
  /** Of the process that does the work. */
  readonly pid: number;
  /** SIGKILL to all of it. */
  kill(): void;
}

/** `transfer tracker proxy` in front of some ports. */
export async function startTransferProxy(upstreams: readonly number[]): Promise<Server> {
  const dir = await Deno.makeTempDir({ prefix: "transfer-bench-proxy-" });
  const passes = upstreams.map((port) => `proxy_pass http://127.0.0.1:${port};`).join(" ");
  await Deno.writeTextFile(join(dir, "proxy.conf"), `host 127.0.0.1 { ${passes} }`);
  const child = startTransfer(["tracker", "proxy", "--port", "0", "--conf", join(dir, "proxy.conf")], {
    cwd: ROOT,
  });
  void child.stderr.pipeTo(new WritableStream());
  const output = child.stdout.getReader();
  const { value } = await output.read();
  return {
    name: "transfer",
    port: Number(/:(\d+)\n/.exec(new TextDecoder().decode(value))?.[1]),
    pid: child.pid,
    kill: () => child.kill("SIGKILL"),
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await output.cancel();
      await child.status;
      await Deno.remove(dir, { recursive: true });
    },
  };
}

/** nginx as a proxy that streams, with connections to its upstreams kept, as its manual has it. */
export async function startNginxProxy(upstreams: readonly number[]): Promise<Server> {
  const servers = upstreams.map((port) => `server 127.0.0.1:${port};`).join(" ");
  return await startNginx(
    "nginx",
    `upstream all { ${servers} keepalive 64; }`,
    `location / {
      proxy_pass http://all; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_request_buffering off; proxy_max_temp_file_size 0; client_max_body_size 0;
    }`,
  );
}

/** nginx over a directory. */
export async function startPlainServer(root: string): Promise<Server> {
  return await startNginx("files", "", `root ${root}; keepalive_requests 10000000;`);
}

/** A server that reads a body of a known size after each head, and answers; in this process. */
export function startSink(size: number): { readonly port: number } & AsyncDisposable {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serve = async (connection: Deno.TcpConn) => {
    using _ = connection;
    const buffer = new Uint8Array(1_048_576);
    const first = await connection.read(buffer) ?? 0;
    const head = new TextDecoder().decode(buffer.subarray(0, first)).indexOf("\r\n\r\n") + 4;
    for (let got = first - head; got < size;) {
      const count = await connection.read(buffer);
      if (count === null) return;
      got += count;
    }
    await connection.write(new TextEncoder().encode("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"));
  };
  void (async () => {
    for await (const connection of listener) void serve(connection).catch(() => {});
  })();
  return { port: listener.addr.port, [Symbol.asyncDispose]: () => Promise.resolve(listener.close()) };
}

async function startNginx(name: string, outside: string, inside: string): Promise<Server> {
  const state = await Deno.makeTempDir({ prefix: "transfer-bench-nginx-" });
  const port = freePort();
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((each) =>
    `${each}_temp_path ${state}/${each};`
  );
  // One process that does the work, as one of Deno does, and as its memory is easily told.
  const conf = `daemon off; master_process off; pid ${state}/pid; error_log ${state}/error.log;
events { worker_connections 1024; }
http {
  access_log off; sendfile on; keepalive_requests 10000000; ${temporary.join(" ")}
  ${outside}
  server { listen 127.0.0.1:${port}; ${inside} }
}
`;
  await Deno.writeTextFile(join(state, "nginx.conf"), conf);
  const child = new Deno.Command("nginx", {
    args: ["-e", `${state}/error.log`, "-c", `${state}/nginx.conf`],
    stdout: "null",
    stderr: "null",
    stdin: "null",
  }).spawn();
  for (let tries = 0; !await listens(port); tries++) {
    if (tries === 50) {
      throw new Error(`nginx did not start: ${await Deno.readTextFile(`${state}/error.log`)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  let isKilled = false;
  const end = (signal: Deno.Signal) => {
    if (!isKilled) child.kill(signal);
    isKilled = true;
  };
  return {
    name,
    port,
    pid: child.pid,
    kill: () => end("SIGKILL"),
    async [Symbol.asyncDispose]() {
      end("SIGTERM");
      await child.status;
      await Deno.remove(state, { recursive: true });
    },
  };
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function listens(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}
