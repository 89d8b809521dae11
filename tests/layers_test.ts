import { assertEquals } from "@std/assert";
import { dirname, fromFileUrl, join, relative } from "@std/path";
import { filesBelow } from "./support/bytes.ts";

const ROOT = dirname(dirname(fromFileUrl(import.meta.url)));

/** What each folder may import from, besides itself. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  "main.ts": ["commands", "terminal", "deno.json"],
  "demo.ts": ["demo", "terminal"],
  // It takes from the tests what waits for a moment to interrupt at.
  demo: ["terminal", "tests"],
  "build.ts": ["deno.json", "terminal", "web"],
  // The names of all settings are those of their schema.
  commands: ["deno.json", "docs", "protocols", "store", "net", "terminal", "web"],
  protocols: ["store", "net"],
  store: [],
  net: [],
  terminal: [],
  // The page shares cores with the command line: the sender, how figures are written, what becomes of a name.
  web: ["protocols", "store", "net", "terminal"],
};
const IMPORT = /(?:from|import)\s*\(?\s*"(\.{1,2}\/[^"]+)"/g;
/** Cores: no I/O, no clock, no chance of their own. */
const CORES = [
  "commands/command_line.ts",
  "commands/completion_bash.ts",
  "commands/completion_fish.ts",
  "commands/completion_zsh.ts",
  "commands/config_rows.ts",
  "commands/flag_sources.ts",
  "commands/help.ts",
  "commands/json_text.ts",
  "commands/settings_file.ts",
  "commands/settings_schema.ts",
  "commands/suggestion.ts",
  "commands/wanted_names.ts",
  "net/access.ts",
  "net/backoff.ts",
  "net/chunked.ts",
  "net/connection_limit.ts",
  "net/event_log.ts",
  "net/event_quota.ts",
  "net/host_name.ts",
  "net/http_fields.ts",
  "net/http_framing.ts",
  "net/maskable_memory.ts",
  "net/masking.ts",
  "net/metrics.ts",
  "net/private_address.ts",
  "net/rate_turn.ts",
  "net/receive_memory.ts",
  "net/request_head.ts",
  "net/response_head.ts",
  "net/served_head.ts",
  "net/speed.ts",
  "net/tls_problem.ts",
  "net/token_bucket.ts",
  "net/web_socket_frames.ts",
  "net/web_socket_reader.ts",
  "net/web_socket_writer.ts",
  "protocols/http_ranges/answers.ts",
  "protocols/http_ranges/assignments.ts",
  "protocols/http_ranges/command_session.ts",
  "protocols/http_ranges/command_texts.ts",
  "protocols/http_ranges/content_range.ts",
  "protocols/http_ranges/credentials.ts",
  "protocols/http_ranges/download_url.ts",
  "protocols/http_ranges/file_name.ts",
  "protocols/http_ranges/lanes.ts",
  "protocols/http_ranges/leases.ts",
  "protocols/http_ranges/pace.ts",
  "protocols/http_ranges/proxies.ts",
  "protocols/http_ranges/queue.ts",
  "protocols/http_ranges/queue_item.ts",
  "protocols/http_ranges/queue_rules.ts",
  "protocols/http_ranges/ramp.ts",
  "protocols/http_ranges/redirects.ts",
  "protocols/http_ranges/encoded_request.ts",
  "protocols/http_ranges/response_check.ts",
  "protocols/http_ranges/answer_head.ts",
  "protocols/http_ranges/retry_after.ts",
  "protocols/http_ranges/scheduler.ts",
  "protocols/http_ranges/setbacks.ts",
  "protocols/http_ranges/source.ts",
  "protocols/http_ranges/sources.ts",
  "protocols/http_ranges/url_check.ts",
  "protocols/http_ranges/validators.ts",
  "protocols/http_ranges/waiting_line.ts",
  "protocols/proxy/balancer.ts",
  "protocols/proxy/conf.ts",
  "protocols/proxy/conf_tokens.ts",
  "protocols/proxy/encoded_head.ts",
  "protocols/proxy/forwarded_head.ts",
  "protocols/proxy/host_lookup.ts",
  "protocols/proxy/templates.ts",
  "protocols/proxy/upgrade.ts",
  "protocols/proxy/upstream_health.ts",
  "protocols/tcp_file/auth.ts",
  "protocols/tcp_file/block_digests.ts",
  "protocols/tcp_file/block_queue.ts",
  "protocols/tcp_file/blocks.ts",
  "protocols/tcp_file/frame_reader.ts",
  "protocols/tcp_file/frames.ts",
  "protocols/tcp_file/hello.ts",
  "protocols/tcp_file/messages.ts",
  "protocols/tcp_file/plain.ts",
  "protocols/tcp_file/plain_client.ts",
  "protocols/tcp_file/puller.ts",
  "protocols/tcp_file/send_memory.ts",
  "protocols/tcp_file/serving.ts",
  "protocols/tcp_file/serving_action.ts",
  "protocols/tracker/channels.ts",
  "protocols/tracker/event_reader.ts",
  "protocols/tracker/feed.ts",
  "protocols/tracker/history.ts",
  "protocols/tracker/identity.ts",
  "protocols/tracker/message.ts",
  "protocols/tracker/names.ts",
  "protocols/tracker/ownership.ts",
  "protocols/tracker/peer_book.ts",
  "protocols/tracker/peer_lines.ts",
  "protocols/tracker/peer_messages.ts",
  "protocols/tracker/peer_session.ts",
  "protocols/tracker/peers.ts",
  "protocols/tracker/requests.ts",
  "protocols/tracker/seen_messages.ts",
  "protocols/tracker/sessions.ts",
  "protocols/udp_file/ack_heaps.ts",
  "protocols/udp_file/acks.ts",
  "protocols/udp_file/bandwidth_filter.ts",
  "protocols/udp_file/congestion.ts",
  "protocols/udp_file/connection.ts",
  "protocols/udp_file/connection_options.ts",
  "protocols/udp_file/control_messages.ts",
  "protocols/udp_file/control_stream.ts",
  "protocols/udp_file/cookie.ts",
  "protocols/udp_file/cubic.ts",
  "protocols/udp_file/datagram_size.ts",
  "protocols/udp_file/handshake.ts",
  "protocols/udp_file/kept_rate.ts",
  "protocols/udp_file/loopback_window.ts",
  "protocols/udp_file/opening.ts",
  "protocols/udp_file/outgoing.ts",
  "protocols/udp_file/pacer.ts",
  "protocols/udp_file/packet_ring.ts",
  "protocols/udp_file/packets.ts",
  "protocols/udp_file/path_delay.ts",
  "protocols/udp_file/path_loss.ts",
  "protocols/udp_file/plain.ts",
  "protocols/udp_file/plain_fetching.ts",
  "protocols/udp_file/plain_serving.ts",
  "protocols/udp_file/plain_timer.ts",
  "protocols/udp_file/probe_answers.ts",
  "protocols/udp_file/rate_control.ts",
  "protocols/udp_file/receiver.ts",
  "protocols/udp_file/requests.ts",
  "protocols/udp_file/round_tally.ts",
  "protocols/udp_file/rtt.ts",
  "protocols/udp_file/sender.ts",
  "protocols/udp_file/sent_packets.ts",
  "protocols/udp_file/standing_queue.ts",
  "protocols/udp_file/startup_growth.ts",
  "protocols/udp_file/violation.ts",
  "protocols/udp_file/window_ceiling.ts",
  "protocols/ws_upload/admission.ts",
  "protocols/ws_upload/client_messages.ts",
  "protocols/ws_upload/flight.ts",
  "protocols/ws_upload/flight_window.ts",
  "protocols/ws_upload/frames.ts",
  "protocols/ws_upload/next_step.ts",
  "protocols/ws_upload/sender.ts",
  "protocols/ws_upload/sender_messages.ts",
  "protocols/ws_upload/sender_patience.ts",
  "protocols/ws_upload/sender_state.ts",
  "protocols/ws_upload/server_messages.ts",
  "protocols/ws_upload/upload_feed.ts",
  "protocols/ws_upload/upload_metrics.ts",
  "protocols/ws_upload/upload_session.ts",
  "store/byte_ranges.ts",
  "store/catalogue_entries.ts",
  "store/safe_name.ts",
  "terminal/format.ts",
  "terminal/live_lines.ts",
  "terminal/printable.ts",
  "terminal/progress.ts",
  "terminal/rate_meter.ts",
  "terminal/text_width.ts",
  "web/chat_state.js",
  "web/others_list.js",
];
const IMPURE =
  /\bDeno\.|Date\.now|new Date\(\)|performance\.|Math\.random|setTimeout|setInterval|\basync\b|\bfetch\(/;

/** Breaches in a file's text: imports from a layer that is not below its own. */
function breaches(path: string, text: string): string[] {
  const layer = path.split("/")[0] ?? "";
  const found: string[] = [];
  for (const [, specifier = ""] of text.matchAll(IMPORT)) {
    const target = relative(ROOT, join(ROOT, dirname(path), specifier));
    const [targetLayer = "", targetProtocol] = target.split("/");
    const isSibling = targetLayer === layer;
    const isOtherProtocol = isSibling && layer === "protocols" && targetProtocol !== path.split("/")[1];
    if ((!isSibling && !(ALLOWED[layer] ?? []).includes(targetLayer)) || isOtherProtocol) {
      found.push(`${path} imports ${target}`);
    }
  }
  return found;
}

async function sources(): Promise<string[]> {
  const files = await filesBelow(ROOT);
  return files.filter((path) => /\.[jt]s$/.test(path) && (path.split("/")[0] ?? "") in ALLOWED);
}

Deno.test("no file imports from a layer above its own, and no protocol from another", async () => {
  const found: string[] = [];
  for (const path of await sources()) {
    found.push(...breaches(path, await Deno.readTextFile(join(ROOT, path))));
  }
  assertEquals(found, []);
});

Deno.test("a breach is seen, in whatever form", () => {
  assertEquals(breaches("store/x.ts", 'import { y } from "../net/y.ts";'), ["store/x.ts imports net/y.ts"]);
  assertEquals(breaches("net/x.ts", 'await import("../commands/y.ts")'), ["net/x.ts imports commands/y.ts"]);
  assertEquals(breaches("protocols/a/x.ts", 'export * from "../b/y.ts";'), [
    "protocols/a/x.ts imports protocols/b/y.ts",
  ]);
  assertEquals(breaches("protocols/a/x.ts", 'import "../../terminal/y.ts";'), [
    "protocols/a/x.ts imports terminal/y.ts",
  ]);
  assertEquals(breaches("protocols/a/x.ts", 'import "../../store/y.ts"; import "./z.ts"; import "npm";'), []);
});

Deno.test("cores own no I/O, no clock and no chance", async () => {
  for (const path of CORES) {
    const code = (await Deno.readTextFile(join(ROOT, path))).replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
    assertEquals(IMPURE.exec(code)?.[0], undefined, path);
  }
});
