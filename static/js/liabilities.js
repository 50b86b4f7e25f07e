// Checks a proof of liabilities (docs/liabilities.md) with WebCrypto. Nothing here asks a server: what comes in is the
// file of one account and the commitment that its reader trusts; what comes out is what was shown, or an error with the
// place where it does not fit. Numbers are decimal strings outside and BigInt inside.

const LIMIT = 1n << 62n;
const MAX_DEPTH = 40;
const HEAD = /^liabilities 1\noutcome (0|[1-9][0-9]{0,18})\nat ([0-9TZ:.-]{24})\nprevious ([0-9a-f]{64})\n/;
const LINE = /([A-Z][A-Z0-9]{1,11}) ([0-9]{1,2}) ([0-9]{1,2}) (0|[1-9][0-9]{0,18}) ([0-9a-f]{64})\n/y;

export class Wrong extends Error {}

function refuse(text) {
  throw new Wrong(text);
}

function whole(value, what, below = LIMIT) {
  if (typeof value !== "string" || !/^(0|[1-9][0-9]{0,18})$/.test(value) || BigInt(value) >= below) refuse(`${what} is not a whole number below ${below}`);
  return BigInt(value);
}

function bytesOf(value, what) {
  if (typeof value !== "string" || !/^[0-9a-f]{64}$/.test(value)) refuse(`${what} is not 32 bytes in hexadecimal`);
  return Uint8Array.from({ length: 32 }, (_, i) => parseInt(value.slice(2 * i, 2 * i + 2), 16));
}

const hexOf = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const utf8 = (text) => new TextEncoder().encode(text);

function eight(number) {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, number);
  return bytes;
}

async function sha(...parts) {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", joined));
}

export async function commitmentOf(statement) {
  return hexOf(await sha(utf8(statement)));
}

// {n, at, previous, roots: Map of asset to {decimals, depth, units, hash}}.
export function readStatement(text) {
  const head = HEAD.exec(text);
  if (!head) refuse("The statement does not begin as one");
  const roots = new Map();
  let last = "";
  LINE.lastIndex = head[0].length;
  while (LINE.lastIndex < text.length) {
    const line = LINE.exec(text);
    if (!line) refuse("A line of the statement is not an asset's");
    const [, asset, decimals, depth, units, hash] = line;
    if (asset <= last) refuse("The assets of the statement are not in order");
    if (Number(depth) > MAX_DEPTH) refuse(`The tree of ${asset} is too deep`);
    roots.set(asset, { decimals: Number(decimals), depth: Number(depth), units: whole(units, `The total of ${asset}`), hash });
    last = asset;
  }
  return { n: head[1], at: head[2], previous: head[3], roots };
}

async function checkLeaf(leaf, n, account, roots) {
  const asset = leaf?.asset;
  const root = roots.get(asset);
  if (!root) refuse(`${asset} is not in the statement`);
  const units = whole(leaf.units, `The amount of ${asset}`);
  let position = whole(leaf.position, `The position of ${asset}`, 1n << BigInt(root.depth));
  if (!Array.isArray(leaf.path) || leaf.path.length !== root.depth) refuse(`The path of ${asset} does not have ${root.depth} steps`);
  const context = await sha(utf8(`liabilities 1 leaf\n${asset}\n${n}\n`));
  let hash = await sha(Uint8Array.of(0), context, eight(account), bytesOf(leaf.salt, `The salt of ${asset}`), eight(units));
  let sum = units;
  for (const [i, sibling] of leaf.path.entries()) {
    const other = bytesOf(sibling?.hash, `Step ${i + 1} of ${asset}`);
    const beside = whole(sibling.units, `The sum at step ${i + 1} of ${asset}`);
    if (sum + beside >= LIMIT) refuse(`The sum of ${asset} is out of range at step ${i + 1}`);
    const mine = [hash, eight(sum)], theirs = [other, eight(beside)];
    const [left, right] = position & 1n ? [theirs, mine] : [mine, theirs];
    hash = await sha(Uint8Array.of(1), ...left, ...right);
    sum += beside;
    position >>= 1n;
  }
  if (sum !== root.units) refuse(`The path of ${asset} leads to the total ${sum}, published is ${root.units}`);
  if (hexOf(hash) !== root.hash) refuse(`The path of ${asset} does not lead to the published root`);
  return { asset, units, decimals: root.decimals, total: root.units };
}

// {n, at, account, commitment, leaves, none}; throws Wrong.
export async function verify(proof, commitment) {
  if (proof?.format !== "liabilities 1") refuse("This is not a proof in the format liabilities 1");
  if (typeof proof.statement !== "string" || !Array.isArray(proof.leaves)) refuse("The proof lacks a part");
  const made = await commitmentOf(proof.statement);
  if (made !== commitment.trim().toLowerCase()) refuse("The statement is not the one with this commitment");
  const { n, at, roots } = readStatement(proof.statement);
  const account = whole(proof.account, "The account number", 1n << 63n);
  const leaves = [];
  for (const leaf of proof.leaves) leaves.push(await checkLeaf(leaf, n, account, roots));
  const held = new Set(leaves.map((leaf) => leaf.asset));
  if (held.size !== leaves.length) refuse("An asset occurs twice");
  return { n, at, account: proof.account, commitment: made, leaves, none: [...roots.keys()].filter((asset) => !held.has(asset)) };
}
