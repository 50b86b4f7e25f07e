// Our scripts' words in the reader's language. They are written in English; other languages come as one small JSON file
// (`/words/de.json`), so a page in English loads nothing. `gettext` is the name that Django's makemessages looks for; sentences
// with `t` before them are kept in `locale/*/LC_MESSAGES/scripts.po`.

const language = globalThis.document?.documentElement?.lang ?? "en";
const words = language === "en" || !globalThis.document ? {} : await load();

async function load() {
  try {
    const answer = await fetch(`/words/${language}.json`, { signal: AbortSignal.timeout(4000) });
    return answer.ok ? await answer.json() : {};
  } catch (cause) {
    console.warn(`The words of ${language} did not load, English is used: ${cause.message}`);
    return {};
  }
}

export function gettext(text) {
  return words[text] ?? text;
}

// "Reconnecting in %(seconds)s s" with {seconds: 3}.
export function filled(text, values) {
  return text.replace(/%\((\w+)\)s/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

// t`Waits for ${price}.`: a sentence in the reader's language. The catalogue calls its places %1, %2 and so on.
export function t(parts, ...values) {
  const english = parts.reduce((text, part, at) => `${text}%${at}${part}`);
  return (words[english] ?? english).replace(/%(\d)/g, (place, at) => values[at - 1]);
}

// Asked for a second time only: the page waits for it.
async function readerOf() {
  const load = () => import("./api_words.js");
  const { reader } = await load().catch(load).catch(() => ({ reader: () => (text) => text }));
  return reader(words);
}

// What the API says, which is English to everybody, in the reader's language; as it is where nobody has translated it.
export const told = language === "en" || !globalThis.document ? (text) => text : await readerOf();
