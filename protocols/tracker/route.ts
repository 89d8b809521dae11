import { z } from "@hono/zod-openapi";
import { type Answer } from "./answer.ts";
import { type Call, fieldsOf } from "./call.ts";
import { Refusal } from "./refusal.ts";

/** Methods in use. */
export type Method = "get" | "post" | "put";

/** A path of the API. */
export interface Route {
  readonly methods: readonly Method[];
  readonly path: string;
  readonly summary: string;
  /** What it takes; its fields are parameters of a GET, and of a JSON body otherwise. */
  readonly request: z.ZodObject;
  /** What its answer adds to `status`. */
  readonly answer: z.ZodObject;
  readonly respond: (call: Call) => Answer | Promise<Answer>;
}

/**
 * A path of the API whose request is checked before it is carried out.
 *
 * @param run Gets what was asked for, as the schema leaves it.
 */
export function route<S extends z.ZodObject>(
  { request, allowsForm = false, run, ...rest }: Omit<Route, "respond" | "request"> & {
    readonly request: S;
    /** Whether a form is understood, too. */
    readonly allowsForm?: boolean;
    readonly run: (input: z.output<S>, call: Call) => Answer | Promise<Answer>;
  },
): Route {
  const respond = (call: Call) => run(parse(request, fieldsOf(call.request, allowsForm)), call);
  return { ...rest, request, respond };
}

/** @throws {Refusal} What was sent is not what is asked for. */
export function parse<S extends z.ZodType>(schema: S, fields: unknown): z.output<S> {
  const parsed = schema.safeParse(fields);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = issue?.path.join(".") ?? "";
  const message = issue?.message ?? "not valid";
  throw new Refusal(
    400,
    field === "" ? `The body is not a JSON object as asked for: ${message}` : `${field}: ${message}`,
  );
}
