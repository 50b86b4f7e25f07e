// Sentences of the API in the reader's language. Only pages that are not in English load this. Pure.

const SIGNS = /[.*+?^${}()|[\]\\]/g;
const OURS = "api\u0004"; // Before each key of this part of the catalogue (`msgctxt "api"`).

// `words`: English to text, both with %1, %2 for what differs; answers what translates a sentence.
export function reader(words) {
  const ours = Object.keys(words).filter((key) => key.startsWith(OURS)).map((key) => [key.slice(OURS.length), words[key]]);
  const exact = new Map(ours), open = ours.filter(([english]) => /%\d/.test(english)).map(([english, text]) => [pattern(english), text]);
  return (sentence) => {
    if (!sentence || exact.has(sentence)) return exact.get(sentence) ?? sentence;
    const [matching, text] = open.find(([each]) => each.test(sentence)) ?? [];
    if (!matching) return sentence;
    const values = matching.exec(sentence);
    return text.replace(/%(\d)/g, (place, at) => values[at]);
  };
}

function pattern(english) {
  return new RegExp(`^${english.replace(SIGNS, "\\$&").replace(/%\d/g, "(.+)")}$`);
}
