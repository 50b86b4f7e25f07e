// The rules of a new password, ticked while somebody types. They are the server's own: it decides when the form is sent.

import { crc32 } from "./crc32.js";
import { all } from "./dom.js";

// True when the password is not like one of the texts; the same rule as Django's UserAttributeSimilarityValidator.
export function isUnlike(password, texts, limit) {
  const typed = password.toLowerCase();
  return !texts.some((text) => {
    const lower = text.toLowerCase(), parts = [...lower.split(/[^\p{L}\p{N}_]+/u), lower].filter(Boolean);
    return parts.some((part) => !(typed.length >= 10 * part.length && part.length < (limit / 2) * typed.length) && likeness(typed, part) >= limit);
  });
}

// Letters that both have, as a share of all: `quick_ratio` of Python's difflib.
function likeness(one, other) {
  const left = new Map();
  for (const letter of other) left.set(letter, (left.get(letter) ?? 0) + 1);
  let both = 0;
  for (const letter of one) {
    const count = left.get(letter) ?? 0;
    if (count) both += 1;
    left.set(letter, count - 1 > 0 ? count - 1 : 0);
  }
  const letters = [...one].length + [...other].length;
  return letters ? (2 * both) / letters : 1;
}

const RULES = {
  long: (password, limit) => [...password].length >= Number(limit),
  other: (password, limit, email) => isUnlike(password, email ? [email] : [], Number(limit)),
  rare: (password, limit) => !limit.split(" ").includes(crc32(password.toLowerCase().trim()).toString(16)),
};

function watch(list) {
  const input = document.querySelector(`[aria-describedby~="${CSS.escape(list.id)}"]`), email = document.querySelector("input[type=email]");
  const tick = () => {
    for (const item of all("[data-rule]", list)) {
      const met = input.value !== "" && RULES[item.dataset.rule](input.value, item.dataset.limit, list.dataset.email || email?.value || "");
      item.classList.toggle("met", met);
      item.querySelector("[data-met]").hidden = !met;
    }
  };
  for (const each of [input, email]) each?.addEventListener("input", tick);
  tick();
}

if (globalThis.document?.querySelectorAll) for (const list of all(".password-rules")) watch(list);
