/**
 * Asks a question in the page's dialog; Escape and the first button say no.
 *
 * @param {{ title: string, words: string, yes: string }} question `yes`: what the second button says.
 * @returns {Promise<boolean>}
 */
export function confirmed({ title, words, yes }) {
  const dialog = document.getElementById("confirm");
  document.getElementById("confirm-title").textContent = title;
  document.getElementById("confirm-words").textContent = words;
  document.getElementById("confirm-yes").textContent = yes;
  const { promise, resolve } = Promise.withResolvers();
  const controller = new AbortController();
  const { signal } = controller;
  const closeWith = (answer) => () => dialog.close(answer);
  dialog.addEventListener("close", () => {
    controller.abort();
    resolve(dialog.returnValue === "yes");
  }, { signal });
  document.getElementById("confirm-yes").addEventListener("click", closeWith("yes"), { signal });
  document.getElementById("confirm-no").addEventListener("click", closeWith("no"), { signal });
  dialog.returnValue = "no";
  dialog.showModal();
  return promise;
}
