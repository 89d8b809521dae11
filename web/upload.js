import { encodeFrameInPlace } from "./modules/protocols/ws_upload/frames.ts";
import { UploadSender } from "./modules/protocols/ws_upload/sender.ts";
import { CLOSE_TAKEN_OVER, parseServerMessage } from "./modules/protocols/ws_upload/server_messages.ts";
import { RateMeter } from "./modules/terminal/rate_meter.ts";
import { HashedFile } from "./hashed_file.js";
import { fileIdOf, resumeTokenOf } from "./remembered.js";
import { isEnd, rowState, unreadableReason } from "./upload_state.js";

/** Bytes in one message to a plain server. */
const CHUNK_BYTES = 1_048_576;

/**
 * One upload: the shell around {@linkcode UploadSender} that owns its socket, its file and its timer.
 *
 * Its `state` is what its row shows: `remembered` (from before a reload, without a file), `waiting`,
 * `connecting`, `uploading`, `paused`, `offline`, `finishing`, and the ends `done`, `failed`, `stopped`.
 */
export class Upload {
  /** Bytes a second over the last seconds. */
  meter = new RateMeter();
  /** When the server last said something about this upload. */
  heardAtMs = 0;
  /** The last attempt to reach the server failed, or the connection was lost since. */
  cutOff = false;
  /** The server compares digests before it publishes. */
  verified = false;
  /** Where the page stands with it, before and around the sender. */
  #phase;
  #source;
  #sender;
  #socket;
  #timer;
  #acknowledged;
  /** Of the bytes read last, which are the next frame's: one part is read at a time. */
  #crc32;
  #shownState;
  #hooks;

  /**
   * @param {{ path: string, size: number, lastModified: number, acknowledged?: number, file?: File }} source
   * @param {{ openSocket: () => WebSocket | undefined, releaseSocket: (socket: WebSocket) => void,
   *   refused: () => void,
   *   changed: (upload: Upload) => void, stored: (upload: Upload, bytes: number) => void }} hooks
   */
  constructor({ path, size, lastModified, acknowledged = 0, file }, hooks) {
    Object.assign(this, { path, size, lastModified });
    this.fileId = fileIdOf(this);
    this.#acknowledged = acknowledged;
    this.#source = file && new HashedFile(file);
    this.#hooks = hooks;
    this.#phase = file === undefined ? "remembered" : "waiting";
    this.#shownState = this.state;
  }

  get state() {
    return this.#phase === "running" ? rowState(this.#sender) : this.#phase;
  }

  /** The sender's own state, for the words of a row; `undefined` before it has begun. */
  get senderState() {
    return this.#phase === "running" ? this.#sender.state : undefined;
  }

  get wish() {
    return this.#sender?.wish;
  }

  /** Bytes that the server has. */
  get acknowledged() {
    return this.#acknowledged;
  }

  /** Noted by another tab, which is uploading it. */
  noteAcknowledged(bytes) {
    if (this.#phase !== "remembered") return;
    this.#acknowledged = bytes;
    this.#hooks.changed(this);
  }

  /** Gets its file (again), and waits for its turn. */
  adopt(file) {
    this.#source?.close();
    this.#source = new HashedFile(file);
    this.retry();
  }

  /** Waits for its turn once more after an end. */
  retry() {
    this.#sender = undefined;
    this.#enter("waiting");
  }

  /** Its turn has come. */
  begin() {
    if (this.#sender === undefined) {
      this.#run("run");
    } else {
      this.#phase = "running";
      this.#feed({ type: "wish", wish: "run" });
    }
  }

  pause() {
    if (this.#sender === undefined) return this.#enter("paused");
    this.#phase = "running";
    this.#feed({ type: "wish", wish: "pause" });
  }

  /** Waits for its turn to go on. */
  resume() {
    this.#enter("waiting");
  }

  /** Ends it, and has the server delete what it has. */
  stop() {
    if (this.#sender === undefined && this.#acknowledged === 0) return this.#enter("stopped");
    if (this.#sender === undefined) return this.#run("stop");
    this.#phase = "running";
    this.#feed({ type: "wish", wish: "stop" });
  }

  /** Does not wait for the next attempt, nor for a connection that has gone silent for `silentMs`. */
  tryNow(silentMs = Infinity) {
    if (this.#phase !== "running") return;
    const { kind } = this.#sender.state;
    const waits = kind === "sending" || kind === "streaming" || kind === "connecting" || kind === "starting";
    if (waits && performance.now() - this.heardAtMs > silentMs) {
      this.#disconnect();
      this.#feed({ type: "close", reason: "The connection went silent" });
    }
    if (this.#sender.state.kind === "offline") this.#feed({ type: "tick" }, this.#sender.wakeAtMs);
  }

  #run(wish) {
    const { fileId, path: fileName, size: fileSize, lastModified: mtimeMs } = this;
    const patience = { unreachableMs: Infinity, offlineMs: Infinity };
    const random = Math.random;
    this.#sender = new UploadSender({
      fileId,
      fileName,
      fileSize,
      mtimeMs,
      chunkBytes: CHUNK_BYTES,
      resumeToken: resumeTokenOf(fileId),
      random,
      ...patience,
    });
    this.#phase = "running";
    this.meter.reset();
    this.heardAtMs = performance.now();
    if (wish !== "run") this.#sender.handle({ type: "wish", wish }, performance.now());
    this.#feed({ type: "tick" });
  }

  #enter(phase) {
    this.#phase = phase;
    this.#tell();
  }

  #feed(event, nowMs = performance.now()) {
    const sender = this.#sender;
    if (sender === undefined) return;
    for (const action of sender.handle(event, nowMs)) this.#perform(action);
    if (sender.state.kind === "offline") this.cutOff = true;
    if (event.type === "message") this.#count(event.message, nowMs);
    this.#arm();
    this.#tell();
  }

  #perform(action) {
    switch (action.type) {
      case "connect":
        return this.#connect();
      case "disconnect":
        return this.#disconnect();
      case "send":
        return this.#send(action.text);
      case "frame":
        return this.#send(encodeFrameInPlace(action, action.bytes, this.#crc32));
      case "read":
        return void this.#answer(() => this.#readBase64(action));
      case "read-bytes":
        return void this.#answer(() => this.#readBytes(action));
      case "digest":
        return void this.#answer(() => this.#digest(action));
    }
  }

  /** The close of a connection that the server is ending, say for another tab, is told a moment later. */
  #send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(message);
  }

  #connect() {
    const socket = this.#hooks.openSocket();
    this.#socket = socket;
    if (socket === undefined) {
      return queueMicrotask(() => this.#feed({ type: "close", reason: "The server asks for a token" }));
    }
    let opened = socket.readyState === WebSocket.OPEN;
    const current = (act) => (event) => socket === this.#socket && act(event);
    socket.onopen = current(() => {
      opened = true;
      this.#feed({ type: "open" });
    });
    socket.onmessage = current(({ data }) => this.#receive(data));
    socket.onclose = current(({ code, reason }) => {
      this.#socket = undefined;
      if (code === CLOSE_TAKEN_OVER) {
        return this.#feed({ type: "close", reason: "Taken over by another tab or program", isFinal: true });
      }
      this.#feed({ type: "close", reason: reason || (opened ? "Connection lost" : "No connection") });
      if (!opened) this.#hooks.refused();
    });
    if (opened) queueMicrotask(() => this.#feed({ type: "open" }));
  }

  #disconnect() {
    const socket = this.#socket;
    this.#socket = undefined;
    if (this.#sender.state.kind === "done") this.#hooks.releaseSocket(socket);
    else socket?.close();
  }

  #receive(text) {
    const message = typeof text === "string" ? parseServerMessage(text) : undefined;
    if (message === undefined) return;
    this.heardAtMs = performance.now();
    this.cutOff = false;
    this.#feed({ type: "message", message });
  }

  async #answer(task) {
    const sender = this.#sender;
    let event;
    try {
      event = await task();
    } catch (error) {
      event = { type: "unreadable", reason: unreadableReason(error) };
    }
    if (sender === this.#sender) this.#feed(event);
  }

  async #readBase64({ offset, length }) {
    return { type: "chunk", offset, base64: await this.#source.base64(offset, length) };
  }

  async #readBytes({ offset, length }) {
    const { bytes, crc32 } = await this.#source.read(offset, length);
    this.#crc32 = crc32;
    return { type: "bytes", offset, bytes };
  }

  async #digest({ length }) {
    return { type: "digest", length, sha256: await this.#source.digest(length) };
  }

  /** Until the first `start-ack` the sender knows of nothing stored, but an earlier page did. */
  #count({ event, ext }, nowMs) {
    if (event === "start-ack") this.verified = ext !== undefined;
    const before = this.#acknowledged;
    const { acknowledged, state } = this.#sender;
    if (event === "start-ack" || event === "resume-ack") this.meter.reset();
    if (event === "start-ack" || event === "progress" || event === "offset-mismatch") {
      this.#acknowledged = acknowledged;
      this.meter.add(acknowledged, nowMs);
    }
    // What a `start` found there was stored earlier, and says nothing about speed.
    if (event === "progress" && acknowledged > before) this.#hooks.stored(this, acknowledged - before);
    if (state.kind === "stopped" && state.deleted) this.#acknowledged = 0;
  }

  #arm() {
    clearTimeout(this.#timer);
    const wakeAtMs = this.#sender.wakeAtMs;
    if (this.#sender.ended || wakeAtMs === undefined) return;
    this.#timer = setTimeout(() => this.#feed({ type: "tick" }), Math.max(0, wakeAtMs - performance.now()));
  }

  #tell() {
    if (this.state === this.#shownState) return;
    if (isEnd(this.state)) this.#source?.close();
    else if (this.state !== "uploading") this.#source?.rest();
    this.#shownState = this.state;
    this.#hooks.changed(this);
  }
}
