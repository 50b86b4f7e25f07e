// Makes an Ed25519 pair in this browser. Only the public half and a signature of the page's challenge are sent.

import { byId } from "./dom.js";

const ALGORITHM = { name: "Ed25519" };
const SEED_BYTES = 32; // The end of a PKCS #8 file of this kind.
const form = byId("new-key");
let kept = null;

const base64 = (bytes) => btoa(String.fromCharCode(...bytes));

async function makePair() {
  const pair = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const publicKey = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  const file = new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey));
  const text = new TextEncoder().encode(form.dataset.challenge);
  const signature = new Uint8Array(await crypto.subtle.sign(ALGORITHM, pair.privateKey, text));
  return { publicKey: base64(publicKey), secret: base64(file.slice(-SEED_BYTES)), signature: base64(signature) };
}

function save({ publicKey, secret }) {
  const content = JSON.stringify({ public_key: publicKey, secret }, null, 1);
  const name = `api-key-${publicKey.replace(/[^A-Za-z0-9]/g, "").slice(0, 8)}.json`;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type: "application/json" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  byId("made-file").textContent = name;
}

// Which of the two ways fills the fields that are sent.
function usePaste(yes) {
  for (const id of ["paste-public", "paste-signature"]) byId(id).disabled = !yes;
  for (const id of ["made-public", "made-signature"]) byId(id).disabled = yes;
}

byId("make").addEventListener("click", async () => {
  byId("make").disabled = true;
  kept = await makePair();
  save(kept);
  byId("made-public").value = byId("made-shown").textContent = kept.publicKey;
  byId("made-signature").value = kept.signature;
  byId("make-key").hidden = true;
  byId("paste-key").hidden = true;
  byId("made-key").hidden = false;
  usePaste(false);
  byId("made-kept").focus();
});
byId("save-again").addEventListener("click", () => save(kept));
byId("made-kept").addEventListener("change", (event) => {
  byId("made-send").disabled = !event.target.checked;
});

// Older browsers cannot make such keys; they can still register one.
async function start() {
  try {
    await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
    byId("make-key").hidden = false;
  } catch (cause) {
    byId("paste-key").open = true;
  }
}

start();
