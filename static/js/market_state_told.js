// Another state of the market: in the strip, above the button, and told once.

import { all, byId, say, setText } from "./dom.js";
import { t } from "./speech.js";
import { toast } from "./toasts.js";

// `now` is the server's answer: the state, a word and a sentence for it.
export function showState(market, { state, word, sentence }) {
  const open = state === "Open", other = state !== market.state;
  market.state = state;
  for (const node of all("[data-state-word]")) setText(node, word);
  for (const node of all("[data-state-badge]")) node.hidden = open;
  setText(byId("state-note"), sentence);
  byId("state-note").hidden = open;
  if (!other) return;
  const title = open ? t`${market.name} is open again` : `${market.name}: ${word.toLowerCase()}`;
  say(open ? `${title}.` : sentence);
  toast(title, sentence, open ? "good" : "warn");
}
