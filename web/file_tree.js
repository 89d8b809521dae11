/** From what was dropped, pasted or chosen to a list of files with their paths. */

/**
 * Takes hold of what a drop or a paste carries. The browser empties the transfer when the event is
 * over, so this runs at once and {@linkcode filesOf} afterwards.
 */
export function takeSources(transfer) {
  const items = Array.from(transfer?.items ?? []).filter((item) => item.kind === "file");
  return items.map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile()).filter((one) => one !== null);
}

/** The files of an `<input type="file">`, folders included. */
export function chosenFiles(input) {
  const found = Array.from(input.files, (file) => ({ file, path: file.webkitRelativePath || file.name }));
  // So that choosing the same file once more is a change again.
  input.value = "";
  return found;
}

/**
 * Walks files and folders and hands over batches of `{ file, path }`, so that a folder of ten thousand
 * files fills the list while it is still being read.
 *
 * @yields {{ found: { file: File, path: string }[], unreadable: number }}
 */
export async function* filesOf(sources) {
  const folders = [];
  const first = await takeBatch(sources, folders);
  yield first;
  while (folders.length > 0) {
    const reader = folders.pop().createReader();
    // A reader gives a part of the folder at a time, and an empty list when it has given all.
    while (true) {
      const entries = await readEntries(reader);
      if (entries === undefined) yield { found: [], unreadable: 1 };
      if (entries === undefined || entries.length === 0) break;
      yield await takeBatch(entries, folders);
    }
  }
}

async function takeBatch(sources, folders) {
  folders.push(...sources.filter((source) => source.isDirectory).reverse());
  const plain = sources.filter((source) => !source.isDirectory);
  const files = await Promise.all(plain.map(openFile));
  const found = files.filter((one) => one !== undefined);
  return { found, unreadable: files.length - found.length };
}

async function openFile(source) {
  if (source instanceof File) return { file: source, path: source.name };
  try {
    const file = await new Promise((resolve, reject) => source.file(resolve, reject));
    return { file, path: source.fullPath.replace(/^\/+/, "") || file.name };
  } catch {
    return undefined; // Counted by the caller: it vanished, or may not be read.
  }
}

async function readEntries(reader) {
  try {
    return await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
  } catch {
    return undefined;
  }
}
