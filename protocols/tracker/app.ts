import { OpenAPIHono, z } from "@hono/zod-openapi";
import { Answer, failure, page } from "./answer.ts";
import type { Call } from "./call.ts";
import { docsPage } from "./pages.ts";
import type { Route } from "./route.ts";

/** A file of the chat page. */
export interface PageAsset {
  /** For the `Content-Type` header. */
  readonly contentType: string;
  readonly body: string;
}

/** What answers requests that were let in, by their path. */
export interface App {
  /** Whether there is something at a path, and which methods it has; `undefined`: nothing. */
  readonly methodsOf: (path: string) => readonly string[] | undefined;
  readonly respond: (call: Call, path: string) => Promise<Answer> | Answer;
}

/** Something that is answered with no fields: a page, a stream. */
export interface Resource {
  readonly path: string;
  readonly respond: (call: Call) => Answer | Promise<Answer>;
}

const ERROR = z.object({ status: z.literal("error"), message: z.string() });

/** Puts routes and resources together, with `/openapi.json` and `/docs` of the routes. */
export function createApp(
  { routes, resources, version }: {
    readonly routes: readonly Route[];
    readonly resources: readonly Resource[];
    readonly version: string;
  },
): App {
  const app = new OpenAPIHono<{ Bindings: Call }>();
  // Who calls respond knows better what an error is for.
  app.onError((error) => {
    throw error;
  });
  const methods = new Map<string, string[]>();
  const add = (path: string, names: readonly string[], respond: Resource["respond"]) => {
    methods.set(path, names.map((name) => name.toUpperCase()));
    app.on(names.map((name) => name.toUpperCase()), path, ({ env }) => respond(env));
  };
  for (const route of routes) {
    add(route.path, route.methods, route.respond);
    describe(app, route);
  }
  for (const { path, respond } of resources) add(path, ["get"], respond);
  const description = JSON.stringify(
    app.getOpenAPI31Document({ openapi: "3.1.0", info: { title: "transfer tracker", version } }),
  );
  const docs = docsPage(routes);
  add("/openapi.json", ["get"], () => page(description, "application/json"));
  add("/docs", ["get"], () => page(docs));
  // A Request is a third of what a request costs, and Hono reads method and URL of it: so it gets one of each.
  const requests = new Map<string, Request>();
  return {
    methodsOf: (path) => methods.get(path),
    respond(call, path) {
      const { method } = call.request.head;
      const name = method === "HEAD" ? "GET" : method;
      const key = `${name} ${path}`;
      let request = requests.get(key);
      if (request === undefined) {
        request = new Request(new URL(path, "http://tracker"), { method: name });
        requests.set(key, request);
      }
      const response = app.fetch(request, call);
      return response instanceof Promise ? response.then(answerOf) : answerOf(response);
    },
  };
}

function answerOf(response: Response): Answer {
  return response instanceof Answer ? response : failure(404, "There is nothing at this path");
}

function describe(
  app: OpenAPIHono<{ Bindings: Call }>,
  { methods, path, summary, request, answer }: Route,
): void {
  const json = (schema: z.ZodType) => ({ "application/json": { schema } });
  for (const method of methods) {
    app.openAPIRegistry.registerPath({
      method,
      path,
      summary,
      request: method === "get" ? { query: request } : { body: { content: json(request) } },
      responses: {
        200: {
          description: "It was done.",
          content: json(answer.extend({ status: z.literal("success") })),
        },
        default: { description: "It was not; message tells why.", content: json(ERROR) },
      },
    });
  }
}
