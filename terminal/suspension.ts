import { movesCursor } from "./terminal.ts";

/** What has to be done around a suspension of the program by Ctrl+Z. */
export interface Suspendable {
  /** The terminal is about to belong to the shell. */
  suspend(): void;
  /** The program goes on. In the background (`bg`) the terminal is still the shell's. */
  resume(): void;
}

const suspendables = new Set<Suspendable>();

/** Has something done around each suspension, until it is disposed of. */
export function aroundSuspension(suspendable: Suspendable): Disposable {
  suspendables.add(suspendable);
  if (suspendables.size === 1) listen(Deno.addSignalListener);
  return {
    [Symbol.dispose]() {
      if (suspendables.delete(suspendable) && suspendables.size === 0) listen(Deno.removeSignalListener);
    },
  };
}

function listen(add: typeof Deno.addSignalListener): void {
  if (Deno.build.os === "windows") return;
  // Who catches the first signal has to stop itself, which is allowed to programs that may run others only.
  if (isGranted("run")) add("SIGTSTP", suspendAll);
  add("SIGCONT", resumeAll);
}

function suspendAll(): void {
  for (const each of suspendables) each.suspend();
  Deno.kill(Deno.pid, "SIGSTOP");
}

function resumeAll(): void {
  for (const each of suspendables) each.resume();
}

/**
 * Whether the terminal is this program's to draw on and to read from, and not that of a shell that runs it in
 * the background: reading would stop it then. Only Linux tells, and only with all permissions; else it is taken
 * for granted.
 */
export function isInForeground(): boolean {
  if (Deno.build.os !== "linux" || !(["read", "run", "sys", "ffi"] as const).every(isGranted)) return true;
  const stat = Deno.readTextFileSync("/proc/self/stat");
  // proc_pid_stat(5): the name of the program may hold spaces; behind it stand
  // state, ppid, pgrp, session, tty_nr and tpgid, which is -1 without a terminal.
  const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return foreground === "-1" || foreground === group;
}

/** Whether lines on standard error can be drawn over: it is a terminal, ours, and one that moves its cursor. */
export function canDraw(): boolean {
  return movesCursor() && isInForeground();
}

/** Whether somebody at a terminal may press keys that are meant for this program. */
export function hasKeyboard(): boolean {
  return Deno.stdin.isTerminal() && isInForeground();
}

function isGranted(name: "read" | "run" | "sys" | "ffi"): boolean {
  return Deno.permissions.querySync({ name }).state === "granted";
}
