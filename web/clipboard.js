/**
 * Puts a text into the clipboard.
 *
 * @param {string} text
 * @returns {Promise<boolean>} Whether the browser let us.
 */
export async function copied(text) {
  try {
    // Only https and localhost have a clipboard; elsewhere the old way still works.
    if (navigator.clipboard === undefined) return copyBySelection(text);
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

function copyBySelection(text) {
  const focused = document.activeElement;
  const field = document.createElement("textarea");
  field.className = "visually-hidden";
  field.value = text;
  document.body.append(field);
  field.select();
  const isCopied = document.execCommand("copy");
  field.remove();
  focused?.focus();
  return isCopied;
}
