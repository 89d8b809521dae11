/** The pages that the tracker has of its own. Whatever goes into them is escaped. */

import type { Route } from "./route.ts";
import { z } from "@hono/zod-openapi";

/** For a browser without the chat page's scripts. @param message Why it is shown. */
export function loginPage(message: string): string {
  return html(
    "Log in",
    `<p role="alert">${escape(message)}</p>
<form method="post" action="/login">
<p><label>User <input name="username" autocomplete="username" required></label></p>
<p><label>Password <input name="password" type="password" autocomplete="current-password" required></label></p>
<p><button>Log in</button></p>
</form>`,
  );
}

/** Until there is a chat page. */
export function plainPage(): string {
  return html("Tracker", '<p>This is a tracker. <a href="/docs">What it speaks</a></p>');
}

/** The API, for people. */
export function docsPage(routes: readonly Route[]): string {
  const sections = routes.map(({ methods, path, summary, request, answer }) => {
    const title = `${methods.map((method) => method.toUpperCase()).join(", ")} ${path}`;
    return `<section>
<h2><code>${escape(title)}</code></h2>
<p>${escape(summary)}.</p>
${fields("Takes", request)}${fields("Answers with", answer)}
</section>`;
  });
  return html(
    "What the tracker speaks",
    `<p>JSON over HTTP; every answer has <code>status</code>, <code>success</code> or <code>error</code>, and an
error its <code>message</code>. Fields are parameters of a GET, and of a JSON object otherwise. For programs:
<a href="/openapi.json">openapi.json</a>.</p>
<section><h2><code>GET /events</code>, <code>GET /ws</code></h2>
<p>Server-sent events, and the same over WebSocket: messages as they are sent.</p></section>
${sections.join("\n")}`,
  );
}

function fields(title: string, schema: z.ZodObject): string {
  const rows = Object.entries(schema.shape).map(([name, type]) => {
    const json = z.toJSONSchema(type, { io: "input", unrepresentable: "any" });
    const isOptional = type.safeParse(undefined).success;
    return `<tr><td><code>${escape(name)}</code></td><td>${escape(String(json.type ?? "any"))}</td><td>${
      isOptional ? "may be missing" : ""
    }</td></tr>`;
  });
  return rows.length === 0 ? "" : `<h3>${escape(title)}</h3><table>${rows.join("")}</table>`;
}

function html(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escape(title)}</title>
<link rel="stylesheet" href="/tracker.css">
<main><h1>${escape(title)}</h1>
${body}
</main>
</html>
`;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll(
    '"',
    "&quot;",
  );
}

/** The style of these pages, in light and dark. */
export const PLAIN_CSS = `:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
section { border-top: 1px solid color-mix(in srgb, currentColor 20%, transparent); }
h2 { font-size: 1.1rem; } h3 { font-size: 1rem; margin: .5rem 0 0; }
td { padding: 0 1.5rem 0 0; vertical-align: top; }
input, button { font: inherit; padding: .3rem .5rem; }
`;
