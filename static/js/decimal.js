// Exact money in the browser: decimal text to BigInt units and back. No Number ever stands for an amount or a price.

const PLAIN = /^(0|[1-9][0-9]{0,17})(?:\.([0-9]{1,18}))?$/;
const GROUPED = /^[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]{1,18})?$/;
const MINUS = "\u2212";
export const NARROW = "\u202f";
export const UNKNOWN = "\u2014";

// How the reader likes figures (`<html data-numbers>`): between thousands, before decimals. Only what is shown is
// written so; the wire, the fields and all arithmetic keep the point. The same rules are in `marketdata/figures.py`.
const STYLES = { point: [",", "."], comma: [".", ","], space: [NARROW, ","] };
const [BETWEEN, BEFORE] = STYLES[globalThis.document?.documentElement?.dataset?.numbers] ?? STYLES.point;

// "1.50" with 6 decimals is 1500000n. Null when the text is no plain decimal, or finer than one unit.
export function toUnits(text, decimals) {
  const match = PLAIN.exec(text);
  if (!match) return null;
  const fraction = (match[2] ?? "").replace(/0+$/, "");
  if (fraction.length > decimals) return null;
  return BigInt(match[1] + fraction.padEnd(decimals, "0"));
}

// 1500000n with 6 decimals is "1.500000".
export function padded(units, decimals) {
  const sign = units < 0n ? "-" : "";
  const digits = (units < 0n ? -units : units).toString().padStart(decimals + 1, "0");
  return decimals ? `${sign}${digits.slice(0, -decimals)}.${digits.slice(-decimals)}` : sign + digits;
}

// As `padded`, without superfluous zeros but with at least so many decimals.
export function trimmed(units, decimals, least = 0) {
  return atLeast(padded(units, decimals), least);
}

// The text without superfluous zeros, but with at least so many decimals: ("1.5", 2) is "1.50".
export function atLeast(text, least) {
  const [whole, fraction = ""] = text.split(".");
  const kept = fraction.replace(/0+$/, "").padEnd(least, "0");
  return kept ? `${whole}.${kept}` : whole;
}

// The text with exactly so many decimals: padded, or cut (never rounded up).
export function fixed(text, decimals) {
  const [whole, fraction = ""] = text.split(".");
  return decimals ? `${whole}.${fraction.slice(0, decimals).padEnd(decimals, "0")}` : whole;
}

// "97412.50" is "97,412.50". Takes plain text, never what is grouped already.
export function grouped(text, between = BETWEEN, before = BEFORE) {
  const [whole, fraction] = text.split(".");
  const sign = whole.startsWith("-") ? MINUS : "";
  const body = (sign ? whole.slice(1) : whole).replace(/\B(?=(?:\d{3})+$)/g, between);
  return sign + body + (fraction === undefined ? "" : before + fraction);
}

// As a field shows it: grouped where that cannot be misread, else plain. Fields always have a point before decimals.
export function forField(text) {
  return BEFORE === "." ? grouped(text) : text;
}

// A comma before decimals, where it can mean nothing else: "0,5", "12,25", "1,2345", "1.234,5". "1,234" is no such text.
const COMMA = /^(?:(?:0|[1-9][0-9]*),(?:[0-9]{1,2}|[0-9]{4,18})|0,[0-9]{3}|[1-9][0-9]{0,2}(?:\.[0-9]{3})+,[0-9]{1,18})$/;

// What people type: "1,234.5", "1234.5", " 12.", ".5". Null when it could mean two things or nothing. Those whose figures
// have a comma before decimals may type one where it is no grouping; "1,234" means two things to them.
export function entered(text, before = BEFORE) {
  let plain = text.trim().replace(/[\s\u00a0\u202f]/g, "");
  if (plain === "") return null;
  if (before === "," && COMMA.test(plain)) {
    plain = plain.replaceAll(".", "").replace(",", ".");
  } else if (plain.includes(",")) {
    if (!GROUPED.test(plain) || (before === "," && !plain.includes("."))) return null; // Grouped and with a point.
    plain = plain.replaceAll(",", "");
  }
  if (plain.startsWith(".")) plain = `0${plain}`;
  if (plain.endsWith(".")) plain = plain.slice(0, -1);
  plain = plain.replace(/^0+(?=\d)/, "");
  return PLAIN.test(plain) ? plain : null;
}

// The figure's bright part and the zeros that carry nothing: "8.00" is ["8", ".00"]; zero is all dim.
export function dimmedParts(text) {
  if (!/[1-9]/.test(text)) return /\d/.test(text) ? ["", "0"] : [text, ""];
  if (!text.includes(BEFORE)) return [text, ""];
  let bright = text.replace(/0+$/, "");
  if (bright.endsWith(BEFORE)) bright = bright.slice(0, -1);
  return [bright, text.slice(bright.length)];
}

// part / whole as "+2.51 %", rounded to the nearest hundredth.
export function percent(part, whole, signed = true) {
  if (whole <= 0n) return UNKNOWN;
  const size = part < 0n ? -part : part;
  const hundredths = (size * 20000n + whole) / (2n * whole);
  const sign = !signed || hundredths === 0n ? "" : part > 0n ? "+" : MINUS;
  return `${sign}${grouped(padded(hundredths, 2))}${NARROW}%`;
}

// part / whole in basis points with one decimal: "1.2".
export function basisPoints(part, whole) {
  if (whole <= 0n) return UNKNOWN;
  const tenths = (part * 200000n + whole) / (2n * whole);
  return grouped(padded(tenths, 1));
}

// A large total for the eye: "69743210.5" is "69.74 M", cut and not rounded; below a million in full with two places.
export function short(text) {
  const [whole, fraction = ""] = text.split(".");
  for (const [digits, name] of [[9, "B"], [6, "M"]]) {
    if (whole.length > digits) return `${grouped(`${whole.slice(0, -digits)}.${whole.slice(-digits).slice(0, 2)}`)}${NARROW}${name}`;
  }
  return grouped(`${whole}.${fraction.slice(0, 2).padEnd(2, "0")}`);
}
