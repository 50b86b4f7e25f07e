// The check on the page of liabilities: the reader's own proof, or any file, against the commitment the reader trusts.

import { byId, el } from "./dom.js";
import { Wrong, verify } from "./liabilities.js";
import { t, told } from "./speech.js";

const MAX_BYTES = 16 * 1024 * 1024;
const box = byId("check");

function decimal(units, decimals) {
  const digits = String(units).padStart(decimals + 1, "0");
  return decimals ? `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}` : digits;
}

function show(verdict, tone, title, lines) {
  verdict.className = `verdict ${tone}`;
  verdict.replaceChildren(el("b", {}, title), ...lines.map((line) => el("p", {}, line)));
  verdict.hidden = false;
  verdict.focus();
}

async function check(verdict, read, commitment) {
  try {
    const found = await verify(await read(), commitment);
    const lines = found.leaves.map((leaf) => t`${leaf.asset}: ${decimal(leaf.units, leaf.decimals)} is part of the total ${decimal(leaf.total, leaf.decimals)}.`);
    if (found.none.length) lines.push(t`By this proof the account had nothing of ${found.none.join(", ")}.`);
    lines.push(t`Account ${found.account}, outcome ${found.n}, ${found.at}. Compare number and amounts with what you know.`);
    show(verdict, "right", t`Right: everything fits`, lines);
  } catch (problem) {
    if (problem instanceof Wrong) show(verdict, "wrong", t`Wrong: this does not fit`, [`${told(problem.message)}.`, t`Keep the file and ask us; show it to others.`]);
    else show(verdict, "wrong", t`Not checked`, [t`The proof could not be read: ${problem.message}.`]);
  }
}

async function fetched() {
  const answer = await fetch(box.dataset.mine, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(t`the server answered ${answer.status}`);
  return answer.json();
}

async function fromFile(input) {
  const [file] = input.files;
  if (!file) throw new Error(t`choose a file first`);
  if (file.size > MAX_BYTES) throw new Error(t`it is too large`);
  return JSON.parse(await file.text());
}

function build() {
  const commitment = el("textarea", { id: "trusted", rows: "2", spellcheck: "false", autocomplete: "off", maxlength: "100", "aria-describedby": "trusted-note" });
  commitment.value = byId("commitment").textContent;
  const file = el("input", { id: "proof-file", type: "file", accept: ".json,application/json" });
  const verdict = el("div", { id: "verdict", class: "verdict", role: "status", tabindex: "-1", hidden: true });
  const own = el("button", { class: "button primary", type: "button", id: "verify-mine" }, t`Verify my balance`);
  const other = el("button", { class: "button", type: "button", id: "verify-file" }, t`Verify the file`);
  own.addEventListener("click", () => check(verdict, fetched, commitment.value));
  other.addEventListener("click", () => check(verdict, () => fromFile(file), commitment.value));
  const form = el(
    "div", { class: "check-form" },
    el("div", { class: "entry" }, el("label", { for: "trusted" }, t`Commitment to check against`), commitment,
      el("p", { class: "help", id: "trusted-note" }, t`It is the one shown above. Better: paste the one you noted, or got from somebody else.`)),
    ...(box.dataset.mine ? [el("div", { class: "form-actions" }, own)] : []),
    el("div", { class: "entry" }, el("label", { for: "proof-file" }, t`Or a proof you have downloaded`), file),
    el("div", { class: "form-actions" }, other), verdict,
    el("p", { class: "note" }, t`The check runs in this browser. It takes nothing from us on trust but the script itself; the program below does not need even that.`),
  );
  box.prepend(form);
}

if (box) build();
