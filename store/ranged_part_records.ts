import { z } from "zod";

/** Says what a part is of. */
export const downloadRecord = z.object({
  type: z.literal("download"),
  version: z.literal(1),
  url: z.string(),
  /** The final name asked for. */
  name: z.string(),
});
export type DownloadRecord = z.infer<typeof downloadRecord>;

const fileVersion = {
  /** Bytes of the whole; missing when only its end will tell. */
  size: z.int().nonnegative().optional(),
  validators: z.object({
    etag: z.string().optional(),
    lastModified: z.string().optional(),
    date: z.string().optional(),
  }),
  /** When it was last written to, where that is a part of what it is recognised by. */
  mtimeMs: z.int().optional(),
  /** Of the requests that the file was split into. */
  blockBytes: z.int().positive().optional(),
};

/** Says which version of the file all ranges behind it are of, and that none before it counts any more. */
export const versionRecord = z.object({ type: z.literal("version"), ...fileVersion });
export type VersionRecord = z.infer<typeof versionRecord>;

/** What one version of a file is recognised by: over HTTP, RFC 9110 section 8.8. */
export interface FileVersion {
  /** Bytes of the whole; missing when only its end will tell. */
  readonly size?: number | undefined;
  readonly validators: {
    readonly etag?: string | undefined;
    readonly lastModified?: string | undefined;
    /** When the server said so. */
    readonly date?: string | undefined;
  };
  /** In milliseconds since 1970; the published file gets it. */
  readonly mtimeMs?: number | undefined;
  readonly blockBytes?: number | undefined;
}
