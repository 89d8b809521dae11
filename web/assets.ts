/** The pages for uploads and downloads and what they load, embedded, by URL path. */

import accessJs from "./access.js" with { type: "text" };
import announcerJs from "./announcer.js" with { type: "text" };
import appCss from "./app.css" with { type: "text" };
import appJs from "./app.js" with { type: "text" };
import crc32Js from "./crc32.js" with { type: "text" };
import fileTreeJs from "./file_tree.js" with { type: "text" };
import fileWindowJs from "./file_window.js" with { type: "text" };
import hashWorkerJs from "./hash_worker.js" with { type: "text" };
import hashedFileJs from "./hashed_file.js" with { type: "text" };
import indexHtml from "./index.html" with { type: "text" };
import intakeJs from "./intake.js" with { type: "text" };
import ledgerJs from "./ledger.js" with { type: "text" };
import ledgerCss from "./ledger.css" with { type: "text" };
import ledgerNarrowCss from "./ledger_narrow.css" with { type: "text" };
import otherRowJs from "./other_row.js" with { type: "text" };
import othersJs from "./others.js" with { type: "text" };
import othersListJs from "./others_list.js" with { type: "text" };
import panelsCss from "./panels.css" with { type: "text" };
import queueJs from "./queue.js" with { type: "text" };
import rememberedJs from "./remembered.js" with { type: "text" };
import rowActionsJs from "./row_actions.js" with { type: "text" };
import rowGroupJs from "./row_group.js" with { type: "text" };
import rowJs from "./row.js" with { type: "text" };
import rowViewJs from "./row_view.js" with { type: "text" };
import sha256Js from "./sha256.js" with { type: "text" };
import summaryCss from "./summary.css" with { type: "text" };
import summaryJs from "./summary.js" with { type: "text" };
import tokenPanelJs from "./token_panel.js" with { type: "text" };
import uploadJs from "./upload.js" with { type: "text" };
import uploadStateJs from "./upload_state.js" with { type: "text" };
import wordingJs from "./wording.js" with { type: "text" };
import downloadsCss from "./downloads.css" with { type: "text" };
import downloadsHtml from "./downloads.html" with { type: "text" };
import blockMapJs from "./block_map.js" with { type: "text" };
import clipboardJs from "./clipboard.js" with { type: "text" };
import confirmJs from "./confirm.js" with { type: "text" };
import downloadActionsJs from "./download_actions.js" with { type: "text" };
import downloadListJs from "./download_list.js" with { type: "text" };
import downloadRowJs from "./download_row.js" with { type: "text" };
import downloadWordsJs from "./download_words.js" with { type: "text" };
import downloadsJs from "./downloads.js" with { type: "text" };
import eventFeedJs from "./event_feed.js" with { type: "text" };
import backoffTs from "../net/backoff.ts" with { type: "text" };
import flightTs from "../protocols/ws_upload/flight.ts" with { type: "text" };
import flightWindowTs from "../protocols/ws_upload/flight_window.ts" with { type: "text" };
import framesTs from "../protocols/ws_upload/frames.ts" with { type: "text" };
import senderTs from "../protocols/ws_upload/sender.ts" with { type: "text" };
import nextStepTs from "../protocols/ws_upload/next_step.ts" with { type: "text" };
import senderMessagesTs from "../protocols/ws_upload/sender_messages.ts" with { type: "text" };
import senderPatienceTs from "../protocols/ws_upload/sender_patience.ts" with { type: "text" };
import senderStateTs from "../protocols/ws_upload/sender_state.ts" with { type: "text" };
import serverMessagesTs from "../protocols/ws_upload/server_messages.ts" with { type: "text" };
import safeNameTs from "../store/safe_name.ts" with { type: "text" };
import formatTs from "../terminal/format.ts" with { type: "text" };
import rateMeterTs from "../terminal/rate_meter.ts" with { type: "text" };
import { type Asset, asset, script } from "./asset.ts";
import { eraseTypes } from "./erase_types.ts";
import { page } from "./page.ts";

/**
 * By URL path: "/", "/downloads", their styles and modules, and under "/modules/" the cores that the
 * page shares with the command line, at their paths in the repository and with their types erased.
 */
export const assets: ReadonlyMap<string, Asset> = new Map([
  ["/", page(indexHtml)],
  ["/app.css", asset("text/css", appCss)],
  ["/ledger.css", asset("text/css", ledgerCss)],
  ["/ledger_narrow.css", asset("text/css", ledgerNarrowCss)],
  ["/panels.css", asset("text/css", panelsCss)],
  ["/summary.css", asset("text/css", summaryCss)],
  ["/downloads", page(downloadsHtml)],
  ["/downloads.css", asset("text/css", downloadsCss)],
  ["/block_map.js", script(blockMapJs)],
  ["/clipboard.js", script(clipboardJs)],
  ["/confirm.js", script(confirmJs)],
  ["/download_actions.js", script(downloadActionsJs)],
  ["/download_list.js", script(downloadListJs)],
  ["/download_row.js", script(downloadRowJs)],
  ["/download_words.js", script(downloadWordsJs)],
  ["/downloads.js", script(downloadsJs)],
  ["/event_feed.js", script(eventFeedJs)],
  ["/access.js", script(accessJs)],
  ["/announcer.js", script(announcerJs)],
  ["/app.js", script(appJs)],
  ["/crc32.js", script(crc32Js)],
  ["/file_tree.js", script(fileTreeJs)],
  ["/file_window.js", script(fileWindowJs)],
  ["/hash_worker.js", script(hashWorkerJs)],
  ["/hashed_file.js", script(hashedFileJs)],
  ["/intake.js", script(intakeJs)],
  ["/ledger.js", script(ledgerJs)],
  ["/other_row.js", script(otherRowJs)],
  ["/others.js", script(othersJs)],
  ["/others_list.js", script(othersListJs)],
  ["/queue.js", script(queueJs)],
  ["/remembered.js", script(rememberedJs)],
  ["/row.js", script(rowJs)],
  ["/row_actions.js", script(rowActionsJs)],
  ["/row_group.js", script(rowGroupJs)],
  ["/row_view.js", script(rowViewJs)],
  ["/sha256.js", script(sha256Js)],
  ["/summary.js", script(summaryJs)],
  ["/token_panel.js", script(tokenPanelJs)],
  ["/upload.js", script(uploadJs)],
  ["/upload_state.js", script(uploadStateJs)],
  ["/wording.js", script(wordingJs)],
  ["/modules/net/backoff.ts", script(eraseTypes(backoffTs))],
  ["/modules/protocols/ws_upload/flight.ts", script(eraseTypes(flightTs))],
  ["/modules/protocols/ws_upload/flight_window.ts", script(eraseTypes(flightWindowTs))],
  ["/modules/protocols/ws_upload/frames.ts", script(eraseTypes(framesTs))],
  ["/modules/protocols/ws_upload/sender.ts", script(eraseTypes(senderTs))],
  ["/modules/protocols/ws_upload/next_step.ts", script(eraseTypes(nextStepTs))],
  ["/modules/protocols/ws_upload/sender_messages.ts", script(eraseTypes(senderMessagesTs))],
  ["/modules/protocols/ws_upload/sender_patience.ts", script(eraseTypes(senderPatienceTs))],
  ["/modules/protocols/ws_upload/sender_state.ts", script(eraseTypes(senderStateTs))],
  ["/modules/protocols/ws_upload/server_messages.ts", script(eraseTypes(serverMessagesTs))],
  ["/modules/store/safe_name.ts", script(eraseTypes(safeNameTs))],
  ["/modules/terminal/format.ts", script(eraseTypes(formatTs))],
  ["/modules/terminal/rate_meter.ts", script(eraseTypes(rateMeterTs))],
]);
