import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Wrong, commitmentOf, readStatement, verify } from "../liabilities.js";

const document = readFileSync(new URL("../../../docs/liabilities.md", import.meta.url), "utf8");
const [vectors, proof] = [...document.matchAll(/```json\n(.*?)```/gs)].map(([, text]) => JSON.parse(text));
const copy = () => structuredClone(proof);

test("the documented proof verifies against its commitment", async () => {
  assert.equal(await commitmentOf(vectors.statement), vectors.commitment);
  const found = await verify(proof, ` ${vectors.commitment.toUpperCase()}\n`);
  assert.deepEqual(found.leaves, [{ asset: "SOL", units: 7000000000n, decimals: 9, total: 7000000005n }]);
  assert.deepEqual(found.none, ["USDC"]);
  assert.equal(found.n, "7");
});

const flip = (hex) => (hex[0] === "0" ? "1" : "0") + hex.slice(1);
const changes = {
  "less in the leaf": (p) => { p.leaves[0].units = "6999999999"; },
  "below zero in the leaf": (p) => { p.leaves[0].units = "-1"; },
  "a number instead of text": (p) => { p.leaves[0].units = 7000000000; },
  "another salt": (p) => { p.leaves[0].salt = flip(p.leaves[0].salt); },
  "another account": (p) => { p.account = "5"; },
  "another place": (p) => { p.leaves[0].position = "1"; },
  "a place outside": (p) => { p.leaves[0].position = "2"; },
  "more beside": (p) => { p.leaves[0].path[0].units = "6"; },
  "below zero beside": (p) => { p.leaves[0].path[0].units = "-5"; },
  "a sum out of range": (p) => { p.leaves[0].path[0].units = String(2n ** 62n - 1n); },
  "a sum that would wrap around": (p) => { p.leaves[0].path[0].units = String(2n ** 64n - 1n); },
  "another neighbour": (p) => { p.leaves[0].path[0].hash = flip(p.leaves[0].path[0].hash); },
  "a step left out": (p) => { p.leaves[0].path = []; },
  "a step too many": (p) => { p.leaves[0].path.push(p.leaves[0].path[0]); },
  "another asset": (p) => { p.leaves[0].asset = "USDC"; },
  "an unknown asset": (p) => { p.leaves[0].asset = "XRP"; },
  "a leaf twice": (p) => { p.leaves.push(p.leaves[0]); },
  "another total": (p) => { p.statement = p.statement.replace("7000000005", "7000000000"); },
  "no leaves": (p) => { delete p.leaves; },
  "an empty step": (p) => { p.leaves[0].path = [null]; },
  "an empty leaf": (p) => { p.leaves = [null]; },
};

for (const [name, change] of Object.entries(changes)) {
  test(`it does not verify with ${name}`, async () => {
    const wrong = copy();
    change(wrong);
    await assert.rejects(verify(wrong, vectors.commitment), Wrong);
  });
}

test("a changed total does not verify against its own commitment either", async () => {
  const wrong = copy();
  wrong.statement = wrong.statement.replace("7000000005", "7000000000");
  await assert.rejects(verify(wrong, await commitmentOf(wrong.statement)), /leads to the total 7000000005/);
});

test("nothing but a proof is one", async () => {
  for (const wrong of [null, undefined, 5, "x", [], {}]) await assert.rejects(verify(wrong, vectors.commitment), Wrong);
  await assert.rejects(verify(proof, "0".repeat(64)), Wrong);
});

test("only the exact text is a statement", () => {
  const text = vectors.statement;
  for (const wrong of ["", text.slice(0, -1), ` ${text}`, `${text}\n`, text.replaceAll("\n", "\r\n"), text + text.split("\n").at(-2) + "\n"]) {
    assert.throws(() => readStatement(wrong), Wrong);
  }
});
