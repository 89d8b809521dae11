/**
 * Runs in the page: drops files of random bytes on it, as a person would.
 *
 * @param {Record<string, number>} sizes Bytes by name.
 * @returns {Promise<Record<string, string>>} SHA-256 in hexadecimal by name.
 */
(async (sizes) => {
  const dataTransfer = new DataTransfer();
  const digests = {};
  for (const [name, size] of Object.entries(sizes)) {
    const bytes = new Uint8Array(size);
    for (let i = 0; i < size; i += 65_536) crypto.getRandomValues(bytes.subarray(i, i + 65_536));
    dataTransfer.items.add(new File([bytes], name, { lastModified: 1_700_000_000_000 }));
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    digests[name] = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }
  for (const type of ["dragenter", "dragover", "drop"]) {
    document.body.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
  }
  return digests;
});
