/** Something that happened to an upload, for whoever watches the server: logs, metrics, other clients. */
export type UploadEvent =
  | {
    readonly type: "started" | "resumed";
    readonly fileId: string;
    readonly name: string;
    readonly offset: number;
    /** `undefined`: not known before the end. */
    readonly fileSize: number | undefined;
  }
  | {
    /** `unpaused`: its client goes on after a pause. */
    readonly type: "progress" | "paused" | "unpaused" | "interrupted";
    readonly fileId: string;
    readonly name: string;
    readonly offset: number;
    readonly fileSize: number | undefined;
  }
  | {
    readonly type: "completed";
    readonly fileId: string;
    /** The path that it got, relative to the directory. */
    readonly name: string;
    readonly path: string;
    readonly bytes: number;
  }
  | { readonly type: "deleted" | "expired"; readonly fileId: string; readonly name: string }
  | { readonly type: "failed"; readonly fileId: string; readonly name: string; readonly reason: string }
  | { readonly type: "unusable"; readonly path: string; readonly reason: string };
