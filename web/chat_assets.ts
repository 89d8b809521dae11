/** The chat page and what it loads, embedded, by URL path. */

import accessJs from "./access.js" with { type: "text" };
import announcerJs from "./announcer.js" with { type: "text" };
import appCss from "./app.css" with { type: "text" };
import arrangeJs from "./arrange.js" with { type: "text" };
import chatApiJs from "./chat_api.js" with { type: "text" };
import chatCss from "./chat.css" with { type: "text" };
import chatEntryJs from "./chat_entry.js" with { type: "text" };
import chatHtml from "./chat.html" with { type: "text" };
import chatJs from "./chat.js" with { type: "text" };
import chatLogJs from "./chat_log.js" with { type: "text" };
import chatMemoryJs from "./chat_memory.js" with { type: "text" };
import chatNarrowCss from "./chat_narrow.css" with { type: "text" };
import chatRoomCss from "./chat_room.css" with { type: "text" };
import chatRoomsJs from "./chat_rooms.js" with { type: "text" };
import chatSessionJs from "./chat_session.js" with { type: "text" };
import chatStateJs from "./chat_state.js" with { type: "text" };
import eventFeedJs from "./event_feed.js" with { type: "text" };
import panelsCss from "./panels.css" with { type: "text" };
import summaryCss from "./summary.css" with { type: "text" };
import wordingJs from "./wording.js" with { type: "text" };
import backoffTs from "../net/backoff.ts" with { type: "text" };
import formatTs from "../terminal/format.ts" with { type: "text" };
import { type Asset, asset, script } from "./asset.ts";
import { eraseTypes } from "./erase_types.ts";
import { page } from "./page.ts";

const chatPage = page(chatHtml);

/**
 * By URL path. `/login.html` is what who is not let in is shown at `/`: the same page, which asks for what is
 * missing.
 */
export const chatAssets: ReadonlyMap<string, Asset> = new Map([
  ["/", chatPage],
  ["/login.html", chatPage],
  ["/app.css", asset("text/css", appCss)],
  ["/chat.css", asset("text/css", chatCss)],
  ["/chat_narrow.css", asset("text/css", chatNarrowCss)],
  ["/chat_room.css", asset("text/css", chatRoomCss)],
  ["/panels.css", asset("text/css", panelsCss)],
  ["/summary.css", asset("text/css", summaryCss)],
  ["/access.js", script(accessJs)],
  ["/announcer.js", script(announcerJs)],
  ["/arrange.js", script(arrangeJs)],
  ["/chat.js", script(chatJs)],
  ["/chat_api.js", script(chatApiJs)],
  ["/chat_entry.js", script(chatEntryJs)],
  ["/chat_log.js", script(chatLogJs)],
  ["/chat_memory.js", script(chatMemoryJs)],
  ["/chat_rooms.js", script(chatRoomsJs)],
  ["/chat_session.js", script(chatSessionJs)],
  ["/chat_state.js", script(chatStateJs)],
  ["/event_feed.js", script(eventFeedJs)],
  ["/wording.js", script(wordingJs)],
  ["/modules/net/backoff.ts", script(eraseTypes(backoffTs))],
  ["/modules/terminal/format.ts", script(eraseTypes(formatTs))],
]);
