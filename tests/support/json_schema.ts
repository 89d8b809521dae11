/** What is used of JSON Schema (draft 2020-12) in the schemas of this project; other keywords are an error. */
export type Schema = Readonly<Record<string, unknown>>;

/**
 * What is wrong with a value, by a schema: nothing, when it fits.
 *
 * @param root Where `$ref` points into; the schema itself by default.
 */
export function mistakes(value: unknown, schema: Schema, root: Schema = schema, at = "$"): string[] {
  return Object.entries(schema).flatMap(([keyword, expected]) => {
    const check = CHECKS[keyword];
    if (check === undefined) throw new Error(`Unknown keyword: ${keyword}`);
    return check(value, { expected, schema, root, at });
  });
}

interface Place {
  readonly expected: unknown;
  readonly schema: Schema;
  readonly root: Schema;
  readonly at: string;
}

type Check = (value: unknown, place: Place) => string[];

const NOTHING: Check = () => [];

const CHECKS: Readonly<Record<string, Check>> = {
  $schema: NOTHING,
  $defs: NOTHING,
  title: NOTHING,
  description: NOTHING,
  default: NOTHING,
  writeOnly: NOTHING,
  readOnly: NOTHING,
  // What has one has a pattern, too.
  format: NOTHING,
  $ref: (value, { expected, root, at }) => mistakes(value, referred(String(expected), root), root, at),
  const: (value, { expected, at }) => value === expected ? [] : [`${at}: not ${JSON.stringify(expected)}`],
  enum: (value, { expected, at }) => listOf(expected).includes(value) ? [] : [`${at}: none of the words`],
  type: (value, { expected, at }) => {
    const types = typeof expected === "string" ? [expected] : listOf(expected);
    return types.some((type) => isOfType(value, type)) ? [] : [`${at}: no ${types.join(" or ")}`];
  },
  minimum: (value, { expected, at }) =>
    typeof value !== "number" || value >= Number(expected) ? [] : [`${at}: less than ${expected}`],
  maximum: (value, { expected, at }) =>
    typeof value !== "number" || value <= Number(expected) ? [] : [`${at}: more than ${expected}`],
  pattern: (value, { expected, at }) =>
    typeof value !== "string" || new RegExp(String(expected), "u").test(value)
      ? []
      : [`${at}: not ${expected}`],
  items: (value, { expected, root, at }) =>
    Array.isArray(value)
      ? value.flatMap((item, index) => mistakes(item, schemaOf(expected), root, `${at}[${index}]`))
      : [],
  required: (value, { expected, at }) =>
    listOf(expected).filter((key) => isObject(value) && !Object.hasOwn(value, String(key)))
      .map((key) => `${at}.${key}: missing`),
  properties: (value, { expected, root, at }) =>
    Object.entries(schemaOf(expected)).flatMap(([key, each]) =>
      isObject(value) && Object.hasOwn(value, key)
        ? mistakes(value[key], schemaOf(each), root, `${at}.${key}`)
        : []
    ),
  additionalProperties: (value, { expected, schema, at }) => {
    if (expected !== false) throw new Error("Only false is known here");
    const known = Object.keys(schemaOf(schema.properties));
    return isObject(value)
      ? Object.keys(value).filter((key) => !known.includes(key)).map((key) => `${at}.${key}: unknown`)
      : [];
  },
  anyOf: (value, { expected, root, at }) => {
    const all = listOf(expected).map((each) => mistakes(value, schemaOf(each), root, at));
    return all.some((each) => each.length === 0) ? [] : all.flat();
  },
};

function referred(pointer: string, root: Schema): Schema {
  const keys = pointer.replace(/^#\//, "").split("/");
  return keys.reduce((schema, key) => schemaOf(schema[key]), root);
}

function schemaOf(value: unknown): Schema {
  if (!isObject(value)) throw new Error("No schema");
  return value;
}

function listOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error("No list");
  return value;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isOfType(value: unknown, type: unknown): boolean {
  switch (type) {
    case "integer":
      return Number.isInteger(value);
    case "object":
      return isObject(value);
    case "array":
      return Array.isArray(value);
    case "string":
      return typeof value === "string";
    case "boolean":
      return typeof value === "boolean";
    case "number":
      return Number.isFinite(value);
    default:
      throw new Error(`Unknown type: ${type}`);
  }
}
