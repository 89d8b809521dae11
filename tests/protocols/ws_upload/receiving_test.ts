import { assertEquals } from "@std/assert";
import { Receiving } from "../../../protocols/ws_upload/receiving.ts";
import { UploadMetrics } from "../../../protocols/ws_upload/upload_metrics.ts";
import type { DiskFile } from "../../../store/disk.ts";
import { UploadStore } from "../../../store/upload_store.ts";
import { VolatileDisk } from "../../support/volatile_disk.ts";

/** A disk where syncs of a part wait until they are let go. */
class SlowDisk extends VolatileDisk {
  readonly syncing: Promise<void>;
  readonly letGo: () => void;
  readonly #gate: Promise<void>;
  readonly #begin: () => void;

  constructor() {
    super(() => 0.5);
    const begun = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    this.syncing = begun.promise;
    this.#begin = begun.resolve;
    this.#gate = gate.promise;
    this.letGo = gate.resolve;
  }

  override async open(...args: Parameters<VolatileDisk["open"]>): Promise<DiskFile> {
    const file = await super.open(...args);
    if (!args[0].endsWith(".part")) return file;
    return {
      writeAt: (bytes, offset) => file.writeAt(bytes, offset),
      readAt: (buffer, offset) => file.readAt(buffer, offset),
      truncate: (length) => file.truncate(length),
      close: () => file.close(),
      sync: async () => {
        this.#begin();
        await this.#gate;
        await file.sync();
      },
    };
  }
}

Deno.test("bytes are counted as durable once, also by syncs that were asked for side by side", async () => {
  const disk = new SlowDisk();
  const store = await UploadStore.open("/", { disk, nowMs: 0 });
  const metrics = new UploadMetrics();
  const record = { fileId: "f", name: "f", fileSize: undefined, tokenHash: undefined };
  const part = await store.create(record);
  const upload = new Receiving({ record, part, lastSeenMs: 0 }, {
    peerOf: () => undefined,
    onSyncFailed: () => {},
    onProgress: () => {},
    metrics,
  });
  // So many that they are synced at once, in the background.
  const bytes = new Uint8Array(64 * 1024 * 1024);
  await upload.append(bytes);
  await disk.syncing;
  await upload.append(bytes.subarray(0, 1));
  const closed = upload.close();
  disk.letGo();
  await closed;
  assertEquals(metrics.durableBytes.value, bytes.length + 1);
});
