/** What the plain text commands answer, word for word: other programs compare these. */

/** One message each. */
export const HELP = [
  "help_command - Перечень доступных команд.",
  "start - Начать запись url.",
  "end - Закончить запись url и отправить на обработку.",
  "queue - Показать url в ожидании.",
  "loading - Показать url ,по которой происходит загрузка.",
  "download - Показать url ,по которым загрузились файлы.",
] as const;

export const SENT = "Отправка urls на обработку.";
export const NOTHING_TO_SEND = "Не добавлено ни одного url для скачивания.";
export const NO_URL = "url не соответствует формату.";
export const UNREACHABLE = "url не действительна.";
export const WEB_PAGE = "Данный url не предназначена для скачивания файла.";
export const STILL_LOADING =
  "Для добавления новых url на скачивание, дождитесь окончания загрузки отправленных ранее.";
export const UNKNOWN_COMMAND = "Команда не найдена.";

/** @param fileUrl Where the file is, as a `file:` URL. */
export function alreadyThere(fileUrl: string): string {
  return `Файл по данному url был скачен ранее и находится по адресу: ${fileUrl}`;
}

export function waitingLine(url: string): string {
  return `url:${url}, status: В очереди`;
}

/** @param loading `bytes` of the whole file; 0 when nobody knows. `percent` is cut to one decimal. */
export function loadingLine(
  loading: {
    readonly url: string;
    readonly bytes: number;
    readonly threads: number;
    readonly percent: number;
  },
): string {
  const { url, bytes, threads, percent } = loading;
  // Cut, not rounded: 100.0 is a file that is whole.
  const cut = (Math.floor(percent * 10) / 10).toFixed(1);
  return `url:${url}, file_amount_bytes:${bytes}, threads_size:${threads}, status:${cut}`;
}

export function fetchedLine(
  fetched: { readonly url: string; readonly bytes: number; readonly fileUrl: string },
): string {
  const { url, bytes, fileUrl } = fetched;
  return `url:${url}, file_amount_bytes:${bytes}, patch: ${fileUrl}`;
}
