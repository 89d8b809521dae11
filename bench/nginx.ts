/** nginx as the benchmarks need it. */

import { join } from "@std/path";
import type { Place } from "./contender.ts";
import { freePort, onServer, type Server, startServer } from "./processes.ts";

/** What it does. */
export interface NginxOptions {
  /** For its own files; uploads are moved from here, so it has to be on the disk that they go to. */
  readonly state: string;
  /** What stands in `server { }`. */
  readonly inside: string;
  /** What stands before that. */
  readonly outside?: string;
  /** 1: a single process, as one of Deno is. */
  readonly workers: number;
}

/** Starts nginx. Its files are removed when it ends. */
export async function startNginx(place: Place, options: NginxOptions): Promise<Server> {
  const { inside, outside = "", workers } = options;
  const state = await Deno.makeTempDir({ dir: options.state, prefix: "nginx-" });
  const port = freePort();
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((each) => {
    return `${each}_temp_path ${state}/${each};`;
  });
  const processes = workers === 1 ? "master_process off;" : `worker_processes ${workers};`;
  // As root it would give up its rights, and could read and write nothing here.
  const user = Deno.uid() === 0 ? "user root;" : "";
  const conf = `daemon off; ${processes} ${user} pid ${state}/pid; error_log ${state}/error.log;
events { worker_connections 1024; }
http {
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 10000000; ${temporary.join(" ")}
  ${outside}
  server { listen ${place.address}:${port}; ${inside} }
}
`;
  await Deno.writeTextFile(join(state, "nginx.conf"), conf);
  const words = ["nginx", "-e", join(state, "error.log"), "-c", join(state, "nginx.conf")];
  const server = await startServer(onServer(place, words), { port });
  return {
    ...server,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await Deno.remove(state, { recursive: true });
    },
  };
}

/** nginx that hands out a directory, each connection with at most so many bytes a second. */
export async function startFileNginx(
  place: Place,
  { state, root, limitRate = 0 }: {
    readonly state: string;
    readonly root: string;
    /** 0: as fast as it goes. */
    readonly limitRate?: number;
  },
): Promise<Server> {
  const inside = `root ${root}; autoindex on; limit_rate ${limitRate};`;
  return await startNginx(place, { state, inside, workers: 2 });
}
