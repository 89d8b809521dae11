/**
 * Metrics and their rendering in Prometheus' text exposition format 0.0.4, as a core without I/O.
 *
 * @example
 * ```ts
 * const registry = new Registry();
 * const received = registry.counter({ name: "app_received_bytes_total", help: "Bytes received." });
 * received.increment(512);
 * registry.render(); // "# HELP app_received_bytes_total Bytes received.\n# TYPE …"
 * ```
 */

/** The `Content-Type` of {@linkcode Registry.render}. */
export const METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** What every metric says of itself. */
export interface MetricOptions {
  /** With its unit: `app_received_bytes_total`. */
  readonly name: string;
  /** One sentence. */
  readonly help: string;
}

/** A label, and all values that it can have: each has its sample from the start, and there are no others. */
export interface LabelOptions<L extends string> extends MetricOptions {
  readonly label: string;
  readonly values: readonly L[];
}

/** A number that only grows. */
export class Counter {
  #value = 0;

  get value(): number {
    return this.#value;
  }

  /** @throws {RangeError} `by` is negative or no number. */
  increment(by = 1): void {
    if (!(by >= 0)) throw new RangeError(`A counter can't grow by ${by}`);
    this.#value += by;
  }
}

/** A number that goes up and down. */
export class Gauge {
  #value = 0;

  get value(): number {
    return this.#value;
  }

  set(value: number): void {
    this.#value = value;
  }

  add(by: number): void {
    this.#value += by;
  }
}

/** How often a measure fell into each of a few ranges. */
export class Histogram {
  readonly #bounds: readonly number[];
  /** Of each range alone; the last is what lies beyond all bounds. */
  readonly #counts: number[];
  #sum = 0;

  /** @param bounds Upper bounds of the ranges, growing, each part of its range. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Array(bounds.length + 1).fill(0);
  }

  observe(value: number): void {
    const found = this.#bounds.findIndex((bound) => value <= bound);
    const range = found === -1 ? this.#bounds.length : found;
    this.#counts[range] = (this.#counts[range] ?? 0) + 1;
    this.#sum += value;
  }

  /** Lines of the exposition format: cumulative buckets, sum and count. */
  *lines(name: string): Generator<string> {
    let count = 0;
    for (const [range, inRange] of this.#counts.entries()) {
      count += inRange;
      const bound = this.#bounds[range] ?? Infinity;
      yield `${name}_bucket${labelled("le", formatValue(bound))} ${count}`;
    }
    yield `${name}_sum ${formatValue(this.#sum)}`;
    yield `${name}_count ${count}`;
  }
}

interface Registered extends MetricOptions {
  readonly type: "counter" | "gauge" | "histogram";
  readonly lines: () => Iterable<string>;
}

/** The metrics of a program, rendered in the order in which they were made. */
export class Registry {
  readonly #metrics = new Map<string, Registered>();

  counter(options: MetricOptions): Counter {
    const counter = new Counter();
    this.#add({ ...options, type: "counter", lines: () => [sample(options.name, counter.value)] });
    return counter;
  }

  /** A counter for each value of a label. */
  counters<const L extends string>(options: LabelOptions<L>): (value: L) => Counter {
    return this.#family({ ...options, type: "counter" }, () => new Counter());
  }

  gauge(options: MetricOptions): Gauge {
    const gauge = new Gauge();
    this.#add({ ...options, type: "gauge", lines: () => [sample(options.name, gauge.value)] });
    return gauge;
  }

  /** A gauge for each value of a label. */
  gauges<const L extends string>(options: LabelOptions<L>): (value: L) => Gauge {
    return this.#family({ ...options, type: "gauge" }, () => new Gauge());
  }

  /** @param options `bounds` as for {@linkcode Histogram}. */
  histogram(options: MetricOptions & { readonly bounds: readonly number[] }): Histogram {
    const histogram = new Histogram(options.bounds);
    this.#add({ ...options, type: "histogram", lines: () => histogram.lines(options.name) });
    return histogram;
  }

  /** All metrics as text, each with its help and type. */
  render(): string {
    const lines: string[] = [];
    for (const { name, help, type, lines: samples } of this.#metrics.values()) {
      lines.push(`# HELP ${name} ${escapeHelp(help)}`, `# TYPE ${name} ${type}`, ...samples());
    }
    return lines.map((line) => `${line}\n`).join("");
  }

  #family<L extends string, M extends { readonly value: number }>(
    options: LabelOptions<L> & Pick<Registered, "type">,
    make: () => M,
  ): (value: L) => M {
    const { name, label, values } = options;
    const members = new Map(values.map((value) => [value, make()]));
    const lines = () =>
      [...members].map(([value, member]) => sample(`${name}${labelled(label, value)}`, member.value));
    this.#add({ ...options, lines });
    return (value) => {
      const member = members.get(value);
      if (member === undefined) throw new RangeError(`Metric ${name} has no ${label} "${value}"`);
      return member;
    };
  }

  #add(metric: Registered): void {
    if (!/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(metric.name) || this.#metrics.has(metric.name)) {
      throw new RangeError(`Metric "${metric.name}": not a name, or taken`);
    }
    this.#metrics.set(metric.name, metric);
  }
}

function sample(series: string, value: number): string {
  return `${series} ${formatValue(value)}`;
}

function labelled(label: string, value: string): string {
  const escaped = value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
  return `{${label}="${escaped}"}`;
}

function escapeHelp(help: string): string {
  return help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

/** A number as Go's `ParseFloat` reads it. */
function formatValue(value: number): string {
  if (value === Infinity) return "+Inf";
  return value === -Infinity ? "-Inf" : String(value);
}
