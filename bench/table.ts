/** Tables of what rows came to, as text (Markdown) and as data. Pure. */

import type { Unit } from "./contender.ts";
import type { Round, RowResult, Standing } from "./row.ts";

/** Middle, least and most. */
interface Summary {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** A row's heading and its table. */
export function rowText(result: RowResult): string {
  const { row: { title, bytes, unit }, rounds, standings } = result;
  const heads = [
    "",
    `median of ${rounds}, ${unit.name}`,
    "spread",
    ...bytes === undefined ? [] : ["MB/s"],
    "ratio",
    "peak MB",
    "CPU s",
    ...hasRemarks(result) ? ["also"] : [],
  ];
  const base = standings[0]?.rounds ?? [];
  const lines = standings.map((standing) => cells(standing, { result, base, columns: heads.length }));
  const notes = standings.flatMap(({ name, failure }) => {
    return failure?.includes(": ") === true ? [`- ${name}: ${failure}`] : [];
  });
  return [
    `### ${title}`,
    "",
    ...tableLines([heads, heads.map(() => "-"), ...lines]),
    ...notes.length === 0 ? [] : ["", ...notes],
  ].join("\n");
}

/** A row for `--json`. */
export function rowData({ row, rounds, standings }: RowResult): Readonly<Record<string, unknown>> {
  const base = summary(standings[0]?.rounds ?? []);
  const { name, title, unit, bytes, link } = row;
  return {
    ...{ name, title, unit: unit.name, better: unit.better, bytes, link, rounds },
    contenders: standings.map((standing) => {
      const found = summary(standing.rounds);
      return { ...standing, ...found, ratio: ratio(base?.median, found?.median, unit) };
    }),
  };
}

/** A table in Markdown, its columns aligned. */
function tableLines(lines: readonly (readonly string[])[]): string[] {
  const widths = (lines[0] ?? []).map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0))
  );
  return lines.map((line) => {
    return `| ${
      line.map((cell, i) => cell === "-" ? "-".repeat(widths[i] ?? 1) : cell.padEnd(widths[i] ?? 0)).join(
        " | ",
      )
    } |`;
  });
}

/** The value in the middle. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

function cells(
  { name, rounds, failure }: Standing,
  { result: { row: { bytes, unit }, rounds: wanted }, base, columns }: {
    readonly result: RowResult;
    readonly base: readonly Round[];
    readonly columns: number;
  },
): string[] {
  const found = summary(rounds);
  const short = failure?.split(": ")[0] ?? "";
  if (found === undefined) return [name, short, ...Array.from({ length: columns - 2 }, () => "")];
  const text = (value: number) => value.toFixed(unit.digits);
  const own = summary(base);
  const left = failure === undefined ? "" : ` (${rounds.length} of ${wanted}, then ${short})`;
  const remark = remarkOf(rounds);
  const all = [
    name,
    `${text(found.median)}${left}`,
    `${text(found.least)} to ${text(found.most)}`,
    ...bytes === undefined ? [] : [(bytes / 1e6 / found.median).toFixed(bytes < found.median * 1e8 ? 1 : 0)],
    ratio(own?.median, found.median, unit)?.toFixed(2) ?? "",
    sides(rounds, ["clientMb", "serverMb"], { pick: (values) => Math.max(...values), digits: 0 }),
    sides(rounds, ["clientCpu", "serverCpu"], { pick: median, digits: 2 }),
  ];
  return all.length < columns ? [...all, remark] : all;
}

/** How many times as well the base does; above 1 it is ahead. */
function ratio(base: number | undefined, other: number | undefined, { better }: Unit): number | undefined {
  if (base === undefined || other === undefined) return undefined;
  const found = better === "less" ? other / base : base / other;
  return Number.isFinite(found) ? found : undefined;
}

function summary(rounds: readonly Round[]): Summary | undefined {
  const values = rounds.map(({ value }) => value);
  if (values.length === 0) return undefined;
  return { median: median(values), least: Math.min(...values), most: Math.max(...values) };
}

/** Client's and server's figure: `12 + 34`. */
function sides(
  rounds: readonly Round[],
  fields: readonly ["clientMb", "serverMb"] | readonly ["clientCpu", "serverCpu"],
  { pick, digits }: { readonly pick: (values: readonly number[]) => number; readonly digits: number },
): string {
  const texts = fields.map((field) => {
    const values = rounds.flatMap((round) => round[field] ?? []);
    return values.length === 0 ? "–" : pick(values).toFixed(digits);
  });
  return texts.every((text) => text === "–") ? "" : texts.join(" + ");
}

function hasRemarks({ standings }: RowResult): boolean {
  return standings.some(({ rounds }) => remarkOf(rounds) !== "");
}

/** That of the round in the middle. */
function remarkOf(rounds: readonly Round[]): string {
  const middle = median(rounds.map(({ value }) => value));
  return rounds.find(({ value }) => value === middle)?.remark ?? "";
}
