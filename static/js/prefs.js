// What this browser remembers of its reader: one JSON text, read once. Unknown or broken contents are as good as none.

const NAME = "trade";
const DEFAULTS = {
  keys: true, sound: globalThis.document?.documentElement?.dataset?.sounds === "on", oneMarket: false, averages: true, step: {}, type: "limit", tif: "GTC", postOnly: false, exec: "market",
  farPercent: 3, slippagePercent: 1, balancePercent: 50, depthPercent: 50,
};

function read() {
  try {
    return { ...DEFAULTS, ...JSON.parse(localStorage.getItem(NAME) ?? "{}") };
  } catch (cause) {
    console.warn(`Preferences are not readable: ${cause.message}`);
    return { ...DEFAULTS };
  }
}

export const prefs = read();

export function remember(changes) {
  Object.assign(prefs, changes);
  try {
    localStorage.setItem(NAME, JSON.stringify(prefs));
    document.cookie = `order_type=${prefs.type}; Max-Age=31536000; Path=/trade; SameSite=Lax`; // The server draws the form so.
  } catch (cause) {
    console.warn(`Preferences are not kept: ${cause.message}`);
  }
}
